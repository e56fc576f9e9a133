import Crypto
import ICE
import Reactor
import SRTP

/// What a browser does, as far as transport goes: checks, DTLS as the client, SRTP.
final class Browser {
    let identity: DTLSIdentity
    let local = ICECredentials(fragment: Randomness.identifier(), password: Randomness.identifier())
    var drops: (Int) -> Bool = { _ in false }
    /// Whether what belongs to the handshake does not reach it.
    var isDeaf = false
    private(set) var unheardCount = 0
    private(set) var received: [[UInt8]] = []
    private(set) var reports: [[UInt8]] = []
    private(set) var answeredChecks = 0
    private(set) var checksAnswered = 0
    private(set) var isConnected = false
    private(set) var hasEnded = false
    private(set) var refused = 0

    private var engine: DTLSEngine
    private var sender: SRTPSender?
    private var receiver: SRTPReceiver?
    private(set) var link: any Link
    private let loop: EventLoop
    private var credentials = ICECredentials(fragment: "", password: "")
    private var serverFingerprint: CertificateFingerprint?
    private var sentCount = 0
    private var hasStarted = false
    private var isClosed = false

    init(_ link: any Link, identity: DTLSIdentity, loop: EventLoop) {
        self.link = link
        self.identity = identity
        self.loop = loop
        engine = DTLSEngine(identity, role: .client)
    }

    /// Begins to check and shakes hands as soon as a check is answered.
    func start(_ credentials: ICECredentials, fingerprint: CertificateFingerprint) {
        self.credentials = credentials
        serverFingerprint = fingerprint
        link.receive = { [weak self] in self?.receive($0) }
        tick()
    }

    func check(password: String? = nil, nominates: Bool = true) {
        send(makeCheck(password: password, nominates: nominates))
    }

    func makeCheck(password: String? = nil, nominates: Bool = true) -> [UInt8] {
        let id = STUNMessage.TransactionID(high: .random(in: 0...(.max)), low: .random(in: 0...(.max)))
        var message = STUNMessage(.request, transactionID: id)
        message.attributes = [
            .username("\(credentials.fragment):\(local.fragment)"), .priority(1), .controlling(tieBreaker: 1),
        ]
        if nominates { message.attributes.append(.useCandidate) }
        return message.encoded(key: Array((password ?? credentials.password).utf8))
    }

    func sendRTP(_ packet: [UInt8]) { sendRaw(protected(packet)) }

    func protected(_ packet: [UInt8]) -> [UInt8] {
        var memory = packet + [UInt8](repeating: 0, count: 20)
        let count = unsafe memory.withUnsafeMutableBytes {
            unsafe sender?.protectRTP($0, count: packet.count)
        }
        return Array(memory.prefix(count ?? 0))
    }

    func sendRTCP(_ packet: [UInt8]) {
        var memory = packet + [UInt8](repeating: 0, count: 20)
        let count = unsafe memory.withUnsafeMutableBytes {
            unsafe sender?.protectRTCP($0, count: packet.count)
        }
        sendRaw(Array(memory.prefix(count ?? 0)))
    }

    func sendRaw(_ bytes: [UInt8]) { link.send(bytes) }

    func sayGoodbye() {
        for datagram in engine.close() { send(datagram) }
    }

    func close() {
        isClosed = true
        link.close()
    }

    private func send(_ bytes: [UInt8]) {
        sentCount += 1
        if !drops(sentCount) { link.send(bytes) }
    }

    private func tick() {
        guard !isClosed else { return }
        if answeredChecks == 0 { check() }
        for datagram in engine.handleTimeout() { send(datagram) }
        guard !isConnected else { return }
        loop.schedule(after: .milliseconds(25)) { [weak self] in self?.tick() }
    }

    private func receive(_ packet: [UInt8]) {
        switch packet.first ?? 255 {
        case 0...3: receiveSTUN(packet)
        case 20...63: receiveDTLS(packet)
        case 128...191: receiveMedia(packet)
        default: refused += 1
        }
    }

    /// Goes on by another way, and says so.
    func move(to link: any Link) {
        self.link.receive = { _ in }
        self.link = link
        link.receive = { [weak self] in self?.receive($0) }
        check()
    }

    private func receiveSTUN(_ packet: [UInt8]) {
        guard let message = try? STUNMessage(packet.span) else { return refused += 1 }
        guard message.kind == .request else { return receiveAnswer(message, packet) }
        guard message.isAuthentic(packet.span, key: Array(local.password.utf8)) else { return refused += 1 }
        checksAnswered += 1
        let answer = STUNMessage(.success, transactionID: message.transactionID)
        send(answer.encoded(key: Array(local.password.utf8)))
    }

    private func receiveAnswer(_ message: STUNMessage, _ packet: [UInt8]) {
        guard message.kind == .success,
            message.isAuthentic(packet.span, key: Array(credentials.password.utf8))
        else { return refused += 1 }
        answeredChecks += 1
        guard !hasStarted else { return }
        hasStarted = true
        for datagram in engine.start() { send(datagram) }
    }

    private func receiveDTLS(_ packet: [UInt8]) {
        guard !isDeaf else { return unheardCount += 1 }
        for datagram in unsafe packet.withUnsafeBytes({ unsafe engine.receive($0) }) { send(datagram) }
        if engine.state == .closedByPeer { hasEnded = true }
        guard engine.state == .open, !isConnected, let serverFingerprint else { return }
        guard let keys = engine.keys(ifPeerIs: [serverFingerprint]) else { return refused += 1 }
        sender = SRTPSender(keys.local, profile: keys.profile)
        receiver = SRTPReceiver(keys.remote, profile: keys.profile)
        isConnected = true
    }

    private func receiveMedia(_ packet: [UInt8]) {
        var memory = packet
        let isReport = 192...223 ~= packet[1]
        let outcome = unsafe memory.withUnsafeMutableBytes { memory in
            unsafe isReport ? receiver?.unprotectRTCP(memory) : receiver?.unprotectRTP(memory)
        }
        guard case .accepted(let count) = outcome else { return refused += 1 }
        if isReport {
            reports.append(Array(memory.prefix(count)))
        } else {
            received.append(Array(memory.prefix(count)))
        }
    }
}
