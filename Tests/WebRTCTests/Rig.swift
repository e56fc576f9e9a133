import Crypto
import ICE
import Reactor
import Sockets
import TestSupport
import WebRTC

/// An endpoint and browsers on one loop.
final class Rig: @unchecked Sendable {
    // SAFETY: everything but the constants is used on the loop.
    let loop = EventLoop(name: "rig")
    /// One for each loop that a service would have.
    let endpoints: [WebRTCEndpoint]
    let identity: DTLSIdentity
    private(set) var visits: [Visit] = []

    var endpoint: WebRTCEndpoint { endpoints[0] }

    init(endpoints count: Int = 1, _ configure: (inout EndpointConfiguration) -> Void = { _ in }) throws {
        var configuration = EndpointConfiguration()
        configuration.addresses = ["127.0.0.1", "::1"]
        configuration.reusesPort = count > 1
        configuration.group = EndpointGroup()
        configure(&configuration)
        identity = try DTLSIdentity()
        var endpoints: [WebRTCEndpoint] = []
        for _ in 0..<count {
            endpoints.append(try WebRTCEndpoint(configuration, identity: identity, loop: loop))
            configuration.port = endpoints[0].port
        }
        self.endpoints = endpoints
        loop.execute { for endpoint in self.endpoints { endpoint.start() } }
    }

    /// How a browser reaches the endpoint.
    enum Way { case v4, v6, tcp }

    /// Runs `body` on the loop.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Rig) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute { continuation.resume(with: Result { try body(self) }) }
        }
    }

    /// Makes a transport and the browser for it, which begins at once.
    func visit(
        _ way: Way = .v4,
        at index: Int = 0,
        identity: DTLSIdentity? = nil,
        expecting expected: CertificateFingerprint? = nil,
        limits: ICEAgent.Limits = ICEAgent.Limits(),
        handshakeTimeout: Duration = .seconds(15),
        drops: @escaping (Int) -> Bool = { _ in false }
    ) throws -> Visit {
        let browser = Browser(try link(way), identity: try identity ?? DTLSIdentity(), loop: loop)
        browser.drops = drops
        let visit = Visit(browser)
        var configuration = PeerTransport.Configuration(
            remote: browser.local,
            remoteFingerprints: [expected ?? browser.identity.fingerprint]
        )
        configuration.iceLimits = limits
        configuration.handshakeTimeout = handshakeTimeout
        let transport = endpoints[index].makeTransport(configuration, observer: visit)
        visit.transport = transport
        browser.start(transport.credentials, fingerprint: self.identity.fingerprint)
        visits.append(visit)
        return visit
    }

    func link(_ way: Way) throws -> any Link {
        switch way {
        case .v4: try DatagramLink(to: DatagramAddress(v4: 0x7f00_0001, port: endpoint.port), loop: loop)
        case .v6: try DatagramLink(to: DatagramAddress(high: 0, low: 1, port: endpoint.port), loop: loop)
        case .tcp: try FramedLink(to: endpoint.port, loop: loop)
        }
    }

    /// Makes a connected visit.
    func connected(_ way: Way = .v4) async throws -> Visit {
        let visit = try await run { try $0.visit(way) }
        try await eventually("connected") { try await self.run { _ in visit.isConnected } }
        return visit
    }

    func forgetVisits() { visits = [] }

    /// Closes everything and ends the loop.
    func stop() async throws {
        try await run { rig in
            for visit in rig.visits { visit.browser.close() }
            for endpoint in rig.endpoints { endpoint.close() }
        }
        loop.stop()
    }
}

/// One browser and our side of it.
final class Visit: PeerTransportObserver, @unchecked Sendable {
    // SAFETY: used on the rig's loop.
    let browser: Browser
    var transport: PeerTransport?
    private(set) var received: [[UInt8]] = []
    private(set) var reports: [[UInt8]] = []
    private(set) var reason: PeerTransport.CloseReason?

    init(_ browser: Browser) { self.browser = browser }

    var isConnected: Bool { transport?.state == .connected && browser.isConnected }

    func send(_ packet: [UInt8]) -> Bool {
        guard let transport else { return false }
        return transport.sendRTP(packet.span)
    }

    func sendReport(_ packet: [UInt8]) -> Bool {
        guard let transport else { return false }
        return transport.sendRTCP(packet.span)
    }

    func transportDidConnect(_ transport: PeerTransport) {}

    func transport(_ transport: PeerTransport, didReceiveRTP packet: Span<UInt8>, at arrival: UInt64) {
        unsafe received.append(packet.withUnsafeBufferPointer { unsafe Array($0) })
    }

    func transport(_ transport: PeerTransport, didReceiveRTCP packet: Span<UInt8>, at arrival: UInt64) {
        unsafe reports.append(packet.withUnsafeBufferPointer { unsafe Array($0) })
    }

    func transportDidClose(_ transport: PeerTransport, _ reason: PeerTransport.CloseReason) {
        self.reason = reason
        self.transport = nil
    }
}

/// Packets for the tests.
enum Packets {
    static func rtp(_ sequence: UInt16, byteCount: Int = 100) -> [UInt8] {
        [0x80, 96, UInt8(sequence >> 8), UInt8(sequence & 255), 0, 0, 0, 1, 0, 0, 0, 9]
            + (0..<byteCount - 12).map { UInt8(truncatingIfNeeded: $0) }
    }

    static let report: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 9]
}
