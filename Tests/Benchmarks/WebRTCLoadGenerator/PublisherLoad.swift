import Crypto
import Foundation
import HTTPServing
import Reactor

/// Where one publisher publishes, and with which key.
struct PublishTarget: Sendable {
    var url: String
    var key: String
}

/// What is printed at the end.
struct PublishReport: Codable {
    var publishers: Int
    var connected: Int
    var seconds: Double
    var packetsPerSecond: Double
    var megabitsPerSecond: Double
    /// What the hub asked for once more while it was counted, and what it says that it never got.
    var packetsAskedAgain: Int
    var packetsLost: Int
    var connectMilliseconds: Quantiles
    /// How late the latest picture was handed to its socket.
    var longestLagMilliseconds: Double
    var generatorCPUPercent: Double
    var failures: [String]
}

/// All publishers by WHIP on one event loop (RFC 9725).
actor PublisherLoad {
    private static let parallel = 8
    private static let connectLimit = Duration.seconds(10)
    private static let tickInterval = Duration.milliseconds(5)
    private static let careInterval = Duration.milliseconds(1000)
    private static let failuresInReport = 5

    private let clip: PacketClip
    private let loop: EventLoop
    private let client: HTTPClient
    private let identity: DTLSIdentity
    private let memory = PeerMemory()
    private var publishers: [LoadPublisher] = []
    private var sessions: [PublishTarget] = []
    private var failures: [String] = []
    private var isFinished = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ clip: PacketClip, loop: EventLoop) throws {
        self.clip = clip
        self.loop = loop
        client = HTTPClient(loops: EventLoopGroup(count: 1, name: "signalling"))
        identity = try DTLSIdentity()
    }

    /// Publishes to every target; what is sent after `settling` seconds is counted, for `seconds`.
    func run(_ targets: [PublishTarget], settling: Double, seconds: Double) async throws -> PublishReport {
        tick()
        care()
        await withTaskGroup(of: Void.self) { group in
            for (number, target) in targets.enumerated() {
                if number >= Self.parallel { await group.next() }
                group.addTask { await self.open(number, target) }
            }
        }
        let deadline = ContinuousClock.now + Self.connectLimit
        while !publishers.allSatisfy(\.peer.isConnected), ContinuousClock.now < deadline {
            try await loop.sleep(for: Self.tickInterval)
        }
        try await loop.sleep(for: .seconds(settling))
        for publisher in publishers { publisher.resetCounts() }
        Moments.say("counting")
        let (start, processor) = (EventLoop.now, Moments.processorSeconds)
        try await loop.sleep(for: .seconds(seconds))
        Moments.say("counted")
        let report = report(
            targets.count,
            seconds: Double(EventLoop.now - start) / 1e9,
            processor: Moments.processorSeconds - processor
        )
        isFinished = true
        for session in sessions {
            _ = try? await client.request("DELETE", session.url, headers: Self.headers(session))
        }
        for publisher in publishers { publisher.peer.close() }
        return report
    }

    private func open(_ number: Int, _ target: PublishTarget) async {
        let publisher = LoadPublisher(LoadPeer(number, identity, memory, loop: loop), clip)
        let offer = SessionText.publication(
            publisher.peer,
            ssrc: publisher.ssrc,
            fingerprint: identity.fingerprint
        )
        publisher.peer.requested = EventLoop.now
        do {
            let response = try await client.request(
                "POST",
                target.url,
                headers: Self.headers(target),
                body: Array(offer.utf8)
            )
            let answer = String(decoding: try await response.body.collect(upTo: 65_536), as: UTF8.self)
            guard response.status == 201, let session = SessionText.description(answer) else {
                throw SignallingFailure(status: response.status, text: String(answer.prefix(200)))
            }
            if let location = response.headers["location"],
                let url = URL(string: location, relativeTo: URL(string: target.url))
            {
                sessions.append(PublishTarget(url: url.absoluteString, key: target.key))
            }
            try publisher.peer.start(session)
            publishers.append(publisher)
        } catch {
            if failures.count < Self.failuresInReport { failures.append("\(error)") }
        }
    }

    private static func headers(_ target: PublishTarget) -> HTTPFields {
        ["content-type": "application/sdp", "authorization": "Bearer \(target.key)"]
    }

    private func tick() {
        guard !isFinished else { return }
        let now = EventLoop.now
        for publisher in publishers {
            if publisher.peer.isConnected { publisher.sendDue(at: now) } else { publisher.peer.tick() }
        }
        loop.schedule(after: Self.tickInterval) { self.assumeIsolated { $0.tick() } }
    }

    private func care() {
        guard !isFinished else { return }
        for publisher in publishers { publisher.peer.care() }
        loop.schedule(after: Self.careInterval) { self.assumeIsolated { $0.care() } }
    }

    private func report(_ wanted: Int, seconds: Double, processor: Double) -> PublishReport {
        PublishReport(
            publishers: wanted,
            connected: publishers.count(where: \.peer.isConnected),
            seconds: seconds,
            packetsPerSecond: Double(publishers.reduce(0) { $0 + $1.packetCount }) / seconds,
            megabitsPerSecond: Double(publishers.reduce(0) { $0 + $1.byteCount }) * 8 / seconds / 1e6,
            packetsAskedAgain: publishers.reduce(0) { $0 + $1.askedAgainCount },
            packetsLost: publishers.reduce(0) { $0 + $1.lostCount },
            connectMilliseconds: Quantiles(publishers.compactMap(\.peer.connectMilliseconds)),
            longestLagMilliseconds: Double(publishers.map(\.longestLag).max() ?? 0) / 1e6,
            generatorCPUPercent: processor / seconds * 100,
            failures: failures
        )
    }
}
