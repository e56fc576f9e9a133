import HTTPServing
import Reactor
import Telemetry

// `/api/v1/events`: what happens, as server-sent events (WHATWG HTML §9.2).
extension CatalogRoutes {
    /// How often a silent stream says that it is alive, so that proxies and browsers keep it.
    private static let keepAliveInterval: Duration = .seconds(15)

    func addEventRoutes(to router: HTTPRouter) {
        router.get("/api/v1/events", guarded(events))
    }

    private func events(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        let filter = EventFilter(viewer: viewer, stream: request.query("stream"))
        let position = request.headers["last-event-id"] ?? request.query("lastEventId")
        return HTTPResponse(
            headers: [
                "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no",
            ],
            content: .stream { writer in
                try await follow(filter, from: position, to: writer)
            }
        )
    }

    private func follow(_ filter: EventFilter, from position: String?, to writer: HTTPBodyWriter) async throws
    {
        // Subscribed before looking back, so that nothing falls between.
        let events = feed.subscribe()
        var last = feed.position
        try await writer.write("retry: 2000\n\(last.map { "id: \($0)\n" } ?? "")\n")
        if let position { last = try await lookBack(filter, to: position, writer) ?? last }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await loop.sleep(for: Self.keepAliveInterval)
                    try await writer.write(": alive\n\n")
                }
            }
            group.addTask { [last] in
                for await event in events where event.isMeasurement || last.map({ event.id > $0 }) ?? true {
                    if filter.passes(event) { try await writer.write(event.frame) }
                    if filter.isEnded(by: event) { return }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Tells what the client has missed, or that it must read everything again.
    ///
    /// - Returns: the last event told.
    private func lookBack(
        _ filter: EventFilter,
        to position: String,
        _ writer: HTTPBodyWriter
    ) async throws -> EventPosition? {
        guard let position = EventPosition(position) else {
            try await writer.write("event: reset\ndata: {}\n\n")
            return nil
        }
        let now = UInt64(clamping: Timestamp.nowMicroseconds / 1000)
        guard case .events(let missed) = try await feed.history(after: position, nowMilliseconds: now) else {
            try await writer.write("event: reset\ndata: {}\n\n")
            return nil
        }
        for event in missed where filter.passes(event) { try await writer.write(event.frame) }
        return missed.last?.id ?? position
    }
}

/// What one viewer may hear of.
struct EventFilter: Sendable {
    let viewer: Viewer
    /// The one stream that is asked for.
    let stream: String?

    func passes(_ event: CatalogEvent) -> Bool {
        if let grant = event.grant { return viewer.grants.contains(grant) }
        guard let about = event.stream, viewer.maySee(about), stream == nil || stream == about else {
            return false
        }
        // Keys are the business of those who publish, and so is who watches.
        return !event.type.hasPrefix("key.") && !event.isMeasurement || viewer.role != .viewer
    }

    /// Whether the right to listen is gone.
    func isEnded(by event: CatalogEvent) -> Bool {
        event.type == "grant.revoked" && event.grant.map(viewer.grants.contains) ?? false
    }
}

extension CatalogEvent {
    /// The event as it goes over the wire, on one line of data; what was measured is no position to go on from.
    var frame: String {
        let line = data.split(whereSeparator: \.isNewline).joined(separator: " ")
        return """
            \(isMeasurement ? "" : "id: \(id)\n")event: \(type)
            data: {"type":"\(type)","subject":"\(subject)","time":"\(time)","data":\(line)}


            """
    }
}
