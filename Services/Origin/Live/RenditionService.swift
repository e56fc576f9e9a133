import Contracts
import Lifecycle
import Media
import MediaBus
import Reactor
import Telemetry

/// Has the renditions made that viewers fetch, as long as they do, and packages them.
actor RenditionService: Service {
    /// How often wants are renewed; they last five seconds.
    private static let wantInterval = Duration.seconds(2)
    /// Demands that wait; beyond them the oldest goes, and the viewer asks again.
    private static let demandLimit = 1024

    private struct Demand: Sendable {
        var streamID: String
        var session: MediaSession
        var rendition: RenditionSession
    }

    nonisolated let name = "renditions"
    nonisolated let loop: EventLoop
    private let replica: String
    private let demands: AsyncStream<Demand>
    private let demander: AsyncStream<Demand>.Continuation
    private var reader: BusReader?
    private var followed: [BusStreamName: RenditionPackager] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a service.
    ///
    /// - Parameter replica: What distinguishes this replica's wants.
    init(loop: EventLoop, replica: String) {
        self.loop = loop
        self.replica = replica
        (demands, demander) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.demandLimit))
    }

    /// Hands over the reader of the bus, which lives on the same loop.
    func setReader(_ reader: BusReader) { self.reader = reader }

    /// Takes note, on any thread, that a viewer wants a rendition of a session.
    ///
    /// - Returns: whether it has to begin first.
    nonisolated func demand(_ rendition: RenditionSession, of session: MediaSession) -> Bool {
        let edge = session.read { $0.timelines[rendition.track]?.lastPart?.id }
        guard rendition.want(beside: edge) else { return false }
        let demand = Demand(streamID: session.streamID, session: session, rendition: rendition)
        if case .dropped(let oldest) = demander.yield(demand) { oldest.rendition.forgetWants() }
        return true
    }

    /// Passes wants on until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.takeDemands() }
                group.addTask { try await self.keepWanting() }
                try await group.waitForAll()
            }
        }
    }

    private func takeDemands() async {
        for await demand in demands {
            let name = BusStreamName(demand.streamID, rendition: demand.rendition.name)
            begin(name, demand)
            await want(name)
        }
    }

    private func begin(_ name: BusStreamName, _ demand: Demand) {
        guard let reader, let rendition = name.rendition else { return }
        if let known = followed[name], known.rendition === demand.rendition { return }
        let packager = RenditionPackager(demand.rendition) { [self] packager in
            assumeIsolated { $0.forget(packager, of: name) }
        }
        followed[name] = packager
        reader.assumeIsolated {
            $0.follow(
                rendition,
                of: name.streamID,
                session: demand.session.sessionID,
                from: .beginning,
                handler: packager
            )
        }
    }

    /// Lets the next request begin it anew, also where somebody has asked all the while.
    private func forget(_ packager: RenditionPackager, of name: BusStreamName) {
        packager.rendition.forgetWants()
        if followed[name] === packager { followed[name] = nil }
    }

    private func keepWanting() async throws {
        while true {
            try await loop.sleep(for: Self.wantInterval)
            // Another session's may take its place while the bus is asked.
            for (name, packager) in followed where followed[name] === packager {
                if packager.rendition.isWanted { await want(name) } else { end(packager, of: name) }
            }
        }
    }

    private func end(_ packager: RenditionPackager, of name: BusStreamName) {
        forget(packager, of: name)
        reader?.assumeIsolated { $0.unfollow(name.streamID, rendition: name.rendition) }
    }

    private func want(_ name: BusStreamName) async {
        guard let rendition = name.rendition, let reader else { return }
        try? await reader.backChannel.want(rendition, of: name.streamID, replica: replica)
    }
}

/// Packages one rendition while it is followed.
///
/// Made anywhere, then used on the bus reader's loop only.
final class RenditionPackager: BusStreamHandler, @unchecked Sendable {
    // SAFETY: the reader calls its handlers on its own loop only; `rendition` is immutable.

    let rendition: RenditionSession
    private let forget: (RenditionPackager) -> Void
    private var packager: SessionPackager
    /// What a request before this one has had packaged.
    private let newest: PartID?

    /// Creates a packager.
    ///
    /// - Parameter forget: Called on the loop when nothing more will come.
    init(_ rendition: RenditionSession, forget: @escaping (RenditionPackager) -> Void) {
        self.rendition = rendition
        self.forget = forget
        newest = rendition.media.newestPart
        // Where something was packaged before, it goes on with a whole segment.
        packager = SessionPackager(isComplete: newest == nil)
    }

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        packager.update(configurations: tracks, clock: PresentationClock(session))
        rendition.media.update(session, configurations: tracks)
    }

    func receive(_ entry: BusEntry, id: BusEntryID) {
        let position = BusPosition(epoch: UInt32(clamping: id.epoch), counter: id.counter)
        for output in packager.feed(entry, at: position) { perform(output) }
    }

    func gap(after last: BusEntryID?, next: BusEntryID) { packager.loseEntries() }

    func ended(_ reason: BusStreamEnd) { forget(self) }

    private func perform(_ output: SessionPackager.Output) {
        switch output {
        case .part(let part):
            if let newest, part.head.id <= newest { return }
            rendition.media.append(
                part.head,
                media: PartMedia(bytes: part.bytes, range: nil, byteCount: part.bytes.count)
            )
        case .segmentEnd(let track, let number, let endTime):
            rendition.media.completeSegment(of: track, number, endTime: endTime)
        // The session itself ends, goes away and comes back.
        case .publisherAway, .publisherBack, .sessionEnd: break
        }
    }
}
