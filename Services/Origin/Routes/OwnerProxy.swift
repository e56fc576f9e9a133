import Contracts
import HTTPServing
import Reactor
import Redis
import Synchronization
import Telemetry

/// Passes requests for a stream that another replica owns on to that one, once.
final class OwnerProxy: Sendable {
    private struct Holder {
        var address: String?
        var readAt: UInt64
    }

    /// Says that a request has been passed on already.
    static let hopHeader = "martlet-hop"
    /// How long the holder of a lease is taken for granted.
    private static let holderLifetime = Duration.seconds(1)
    /// Streams whose holders are remembered; beyond it all are forgotten.
    private static let rememberedLimit = 4096
    /// What a response says about the connection alone.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "transfer-encoding", "upgrade", "date", "te", "trailer",
    ]

    private let directory: SessionDirectory
    private let control: RedisClient?
    private let client: HTTPClient
    private let ownAddress: String
    private let holders = Mutex<[String: Holder]>([:])

    /// Creates a proxy; without a Redis everything is answered here.
    init(directory: SessionDirectory, control: RedisClient?, client: HTTPClient, ownAddress: String) {
        self.directory = directory
        self.control = control
        self.client = client
        self.ownAddress = ownAddress
    }

    /// The owner's answer, or `nil` where the request is to be answered here.
    func answer(_ request: HTTPRequest, streamID: String) async throws -> HTTPResponse? {
        guard let control, directory.live(streamID) == nil, request.headers[Self.hopHeader] == nil,
            let address = await holder(of: streamID, in: control), address != ownAddress
        else { return nil }
        return try await pass(request, to: address)
    }

    private func holder(of streamID: String, in control: RedisClient) async -> String? {
        let now = EventLoop.now
        if let known = holders.withLock({ $0[streamID] }),
            now &- known.readAt < Self.holderLifetime.nanoseconds
        {
            return known.address
        }
        guard let address = try? await RedisLease.holder(of: BusKeys.originLease(streamID), in: control)
        else {
            // Without Redis the last that was known is the best there is.
            return control.isConnected
                ? remember(nil, of: streamID) : holders.withLock { $0[streamID]?.address }
        }
        return remember(address, of: streamID)
    }

    private func remember(_ address: String?, of streamID: String) -> String? {
        holders.withLock { holders in
            if holders.count >= Self.rememberedLimit { holders = [:] }
            holders[streamID] = Holder(address: address, readAt: EventLoop.now)
        }
        return address
    }

    private func pass(_ request: HTTPRequest, to address: String) async throws -> HTTPResponse {
        var headers: HTTPFields = [Self.hopHeader: "1"]
        request.headers.forEach { name, value in
            if !Self.hopByHop.contains(name), name != "host" { headers.append(name, value) }
        }
        let response: HTTPClientResponse
        do {
            response = try await client.request(
                request.method,
                Self.url(of: request, at: address),
                headers: headers
            )
        } catch is HTTPClient.Failure {
            throw HTTPProblem.ownerMissing
        }
        var answer = HTTPResponse(status: response.status)
        response.headers.forEach { name, value in
            if !Self.hopByHop.contains(name) { answer.headers.append(name, value) }
        }
        let body = response.body
        answer.content = .stream { writer in
            for try await bytes in body { try await writer.write(bytes) }
        }
        return answer
    }

    private static func url(of request: HTTPRequest, at address: String) -> String {
        let query = request.query.map { "\(escape($0.name))=\(escape($0.value))" }.joined(separator: "&")
        return "http://\(address)\(request.path)\(query.isEmpty ? "" : "?\(query)")"
    }

    private static func escape(_ text: String) -> String {
        text.utf8.reduce(into: "") { escaped, byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            if isPlain || "-._~".unicodeScalars.contains(scalar) {
                escaped.unicodeScalars.append(scalar)
            } else {
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}

extension HTTPProblem {
    static let ownerMissing = HTTPProblem(
        503,
        "owner_missing",
        "The replica that serves this stream does not answer; another takes over within seconds.",
        headers: ["retry-after": "1"]
    )
    static let sessionMoving = HTTPProblem(
        503,
        "session_moving",
        "The session is being taken over; try again in a second.",
        headers: ["retry-after": "1"]
    )
}
