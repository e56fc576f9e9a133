import Crypto
import Foundation
import HTTPServing
import Reactor
import Sockets

/// All viewers on one event loop.
actor LoadGenerator {
    /// How long connected viewers settle before they are counted.
    private static let settling = Duration.milliseconds(1500)
    private static let connectLimit = Duration.seconds(10)
    private static let tickInterval = Duration.milliseconds(20)
    /// How often a viewer's consent is renewed and a report is sent.
    private static let careInterval = Duration.milliseconds(1000)
    private static let failuresInReport = 5
    /// How often a browser reports on arrivals where it sends nothing itself; the viewers take turns.
    private static let feedbackTurn = Duration.milliseconds(20)
    private static let feedbackTurns = 5
    /// How long viewers may be told to come back later, all in all.
    private static let joinLimit: UInt64 = 20_000_000_000
    /// One wake-up serves many viewers, and the server's core does not pay for waking us with every packet; delays
    /// look longer by as much.
    private static let rest = Duration.milliseconds(1)

    private let plan: LoadPlan
    private let loop: EventLoop
    private let client: HTTPClient
    private let identity: DTLSIdentity
    private let memory = PeerMemory()
    private var viewers: [Int: LoadViewer] = [:]
    private var connecting: [Int: LoadViewer] = [:]
    private var resources: [String] = []
    private var failures: [String] = []
    private var postponed = 0
    private var turnedAway = 0
    private var began: UInt64 = 0
    private var turn = 0
    private var isFinished = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    init(_ plan: LoadPlan, loop: EventLoop) throws {
        self.plan = plan
        self.loop = loop
        client = HTTPClient(loops: EventLoopGroup(count: 1, name: "signalling"))
        identity = try DTLSIdentity()
    }

    /// Opens, counts and closes all sessions.
    func run() async throws -> LoadReport {
        loop.rest = Self.rest
        tick()
        care()
        if plan.isBrowser { reportArrivals() }
        began = EventLoop.now
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<plan.count {
                if number >= plan.parallel { await group.next() }
                group.addTask { await self.open(number) }
            }
        }
        try await waitForConnections()
        let setUp = EventLoop.now - began
        try await loop.sleep(for: Self.settling)
        for viewer in viewers.values { viewer.counts.reset() }
        Moments.say("counting")
        let (start, processor) = (EventLoop.now, Moments.processorSeconds)
        try await loop.sleep(for: .seconds(plan.seconds))
        Moments.say("counted")
        let report = report(
            seconds: Double(EventLoop.now - start) / 1e9,
            processor: Moments.processorSeconds - processor,
            setUp: Double(setUp) / 1e9
        )
        isFinished = true
        for viewer in viewers.values { viewer.peer.close() }
        await closeSessions()
        return report
    }

    // MARK: Sessions

    private func open(_ number: Int) async {
        let viewer = LoadViewer(
            LoadPeer(number, identity, memory, loop: loop),
            isSampled: number % plan.sampleEvery == 0,
            isBrowser: plan.isBrowser
        )
        do {
            guard let session = try await negotiate(viewer) else {
                turnedAway += 1
                return
            }
            try viewer.peer.start(session)
            viewers[number] = viewer
            connecting[number] = viewer
        } catch {
            fail("\(error)")
        }
    }

    private var mayJoin: Bool { EventLoop.now - began < Self.joinLimit }

    /// Opens a session; `nil` where the server has no room for it.
    private func negotiate(_ viewer: LoadViewer) async throws -> SessionText.Description? {
        if let janus = plan.janus {
            viewer.peer.requested = EventLoop.now
            let signalling = JanusSignalling(client: client, url: janus, mountPoint: plan.mountPoint)
            return try await signalling.watch(viewer.peer, fingerprint: identity.fingerprint)
        }
        let offer = SessionText.offer(
            viewer.peer,
            fingerprint: identity.fingerprint,
            videoOnly: plan.isVideoOnly,
            browser: plan.isBrowser
        )
        while mayJoin {
            viewer.peer.requested = EventLoop.now
            let response = try await client.request(
                "POST",
                plan.url,
                headers: headers,
                body: Array(offer.utf8)
            )
            let answer = String(decoding: try await response.body.collect(upTo: 65_536), as: UTF8.self)
            if response.status == 201, let session = SessionText.description(answer) {
                if let location = response.headers["location"] { resources.append(location) }
                return session
            }
            guard let delay = response.retryDelay else {
                throw SignallingFailure(status: response.status, text: String(answer.prefix(200)))
            }
            postponed += 1
            let rest = Self.joinLimit - min(Self.joinLimit, EventLoop.now - began)
            try await loop.sleep(for: min(delay, .nanoseconds(Int64(clamping: rest))))
        }
        return nil
    }

    private var headers: HTTPFields {
        var headers: HTTPFields = ["content-type": "application/sdp"]
        if let token = plan.token { headers["authorization"] = "Bearer \(token)" }
        return headers
    }

    private func fail(_ reason: String) {
        if failures.count < Self.failuresInReport { failures.append(reason) }
    }

    private func waitForConnections() async throws {
        let deadline = ContinuousClock.now + Self.connectLimit
        while !connecting.isEmpty, ContinuousClock.now < deadline {
            try await loop.sleep(for: Self.tickInterval)
        }
    }

    private func closeSessions() async {
        guard let base = plan.url.range(of: "/whep/").map({ plan.url[..<$0.lowerBound] }) else { return }
        let urls = resources.map { $0.hasPrefix("http") ? $0 : base + $0 }
        await withTaskGroup(of: Void.self) { group in
            for (number, url) in urls.enumerated() {
                if number >= plan.parallel { await group.next() }
                group.addTask { [client, headers = headers] in
                    _ = try? await client.request("DELETE", url, headers: headers)
                }
            }
        }
    }

    // MARK: Time

    private func tick() {
        guard !isFinished else { return }
        for (number, viewer) in connecting {
            viewer.peer.tick()
            if viewer.peer.isConnected { connecting[number] = nil }
        }
        loop.schedule(after: Self.tickInterval) { self.assumeIsolated { $0.tick() } }
    }

    private func care() {
        guard !isFinished else { return }
        for viewer in viewers.values where viewer.peer.isConnected { viewer.care() }
        loop.schedule(after: Self.careInterval) { self.assumeIsolated { $0.care() } }
    }

    private func reportArrivals() {
        guard !isFinished else { return }
        turn = (turn + 1) % Self.feedbackTurns
        for (number, viewer) in viewers where viewer.peer.isConnected && number % Self.feedbackTurns == turn {
            viewer.reportArrivals()
        }
        loop.schedule(after: Self.feedbackTurn) { self.assumeIsolated { $0.reportArrivals() } }
    }

    // MARK: The report

    private func report(seconds: Double, processor: Double, setUp: Double) -> LoadReport {
        let connected = viewers.values.filter(\.peer.isConnected)
        let counts = connected.map(\.counts)
        let packets = counts.reduce(0) { $0 + $1.packets }
        let bytes = counts.reduce(0) { $0 + $1.bytes }
        return LoadReport(
            viewers: plan.count,
            connected: connected.count,
            turnedAway: turnedAway,
            silent: counts.count { $0.packets == 0 },
            seconds: seconds,
            packetsPerSecond: Double(packets) / seconds,
            megabitsPerSecond: Double(bytes) * 8 / seconds / 1e6,
            packetsReceived: packets,
            packetsLost: counts.reduce(0) { $0 + $1.lost },
            viewersWithLoss: counts.count { $0.lost > 0 },
            packetsDecrypted: counts.reduce(0) { $0 + $1.decrypted },
            packetsRefused: counts.reduce(0) { $0 + $1.refused },
            connectMilliseconds: Quantiles(connected.compactMap(\.peer.connectMilliseconds)),
            firstFrameMilliseconds: Quantiles(connected.compactMap(\.firstFrameMilliseconds)),
            forwardMilliseconds: Quantiles(counts.flatMap(\.forwardMilliseconds)),
            setUpSeconds: setUp,
            generatorCPUPercent: processor / seconds * 100,
            feedbacks: viewers.values.reduce(0) { $0 + $1.feedbackCount },
            postponed: postponed,
            failures: failures
        )
    }
}

extension HTTPClientResponse {
    /// When a server that is full wants to be asked again.
    fileprivate var retryDelay: Duration? {
        guard status == 503, let seconds = headers["retry-after"].flatMap({ Int($0) }) else { return nil }
        return .seconds(min(seconds, 10))
    }
}
