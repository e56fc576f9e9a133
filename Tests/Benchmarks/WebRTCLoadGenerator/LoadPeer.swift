import Crypto
import Foundation
import ICE
import RTP
import Reactor
import Sockets

/// Memory that all peers of a loop receive into and send from.
final class PeerMemory {
    /// Room for what the kernel glues together of one sender.
    let inbox = DatagramInbox(capacity: 16, datagramByteLimit: 65_535)
    let outbox = DatagramOutbox(slabByteCount: 1, usesRuns: false)
}

/// What is done with the media of a session.
protocol LoadPeerUser: AnyObject {
    /// The handshake is over.
    func connected(_ keys: SRTPKeyingMaterial)
    /// Takes a protected packet; a report is one of RTCP.
    func take(_ packet: UnsafeMutableRawBufferPointer, isReport: Bool)
}

/// One session with the hub: ICE, DTLS as the client, and a socket of its own.
final class LoadPeer: EventHandler {
    private static let socketByteCount = 1 << 20
    private static let checkInterval: UInt64 = 2_500_000_000

    let number: Int
    let fragment: String
    let password: String
    var requested: UInt64 = 0
    /// Who takes what comes; it owns the peer, until ``close()``.
    var user: (any LoadPeerUser)?

    private let loop: EventLoop
    private let memory: PeerMemory
    private var engine: DTLSEngine
    private var socket: DatagramSocket?
    private var session: SessionText.Description?
    private var hasAnswer = false
    private var lastCheck: UInt64 = 0
    private var connected: UInt64 = 0

    init(_ number: Int, _ identity: DTLSIdentity, _ memory: PeerMemory, loop: EventLoop) {
        self.number = number
        self.memory = memory
        self.loop = loop
        let credentials = ICECredentials(random: Randomness.bytes(ICECredentials.randomByteCount))
        fragment = credentials.fragment
        password = credentials.password
        engine = DTLSEngine(identity, role: .client)
    }

    var isConnected: Bool { connected != 0 }
    var connectMilliseconds: Double? { connected == 0 ? nil : Double(connected - requested) / 1e6 }

    /// Begins with the session that the answer describes.
    func start(_ session: SessionText.Description) throws {
        var wanted = DatagramSocket.Configuration(address: "0.0.0.0", port: 0)
        wanted.receiveByteCount = Self.socketByteCount
        let socket = try DatagramSocket(wanted)
        socket.enableReceiveOffload()
        loop.watch(socket.descriptor, for: .readable, handler: self)
        self.socket = consume socket
        self.session = session
        check()
    }

    func close() {
        for datagram in engine.close() { send(datagram) }
        if let descriptor = socket?.descriptor { loop.unwatch(descriptor) }
        socket = nil
        user = nil
    }

    /// Repeats what got no answer.
    func tick() {
        if !hasAnswer { check() }
        for datagram in engine.handleTimeout() { send(datagram) }
    }

    /// Keeps the consent.
    func care() {
        if EventLoop.now - lastCheck > Self.checkInterval { check() }
    }

    private func check() {
        guard let session else { return }
        lastCheck = EventLoop.now
        let id = STUNMessage.TransactionID(high: .random(in: 0...(.max)), low: .random(in: 0...(.max)))
        var message = STUNMessage(.request, transactionID: id)
        // Whoever offers is in control, unless it cannot be (RFC 8445 §6.1.1).
        let role: [STUNMessage.Attribute] =
            session.isInControl ? [.controlled(tieBreaker: 1)] : [.controlling(tieBreaker: 1), .useCandidate]
        message.attributes = [.username("\(session.fragment):\(fragment)"), .priority(0x6e7f_00ff)] + role
        send(message.encoded(key: Array(session.password.utf8)))
    }

    func send(_ bytes: [UInt8]) {
        unsafe write(byteLimit: bytes.count) {
            unsafe $0.copyBytes(from: bytes)
            return bytes.count
        }
    }

    /// Sends what `write` puts into memory and returns the length of; nothing where that is `nil`.
    func write(byteLimit: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int?) {
        guard let server = session?.server else { return }
        switch socket {
        case .some(let socket):
            let room = unsafe memory.outbox.room(on: socket)
            guard byteLimit <= room.count, let count = unsafe write(room) else { return }
            memory.outbox.commit(count, to: server)
            memory.outbox.flush(to: socket)
        case .none: break
        }
    }

    // MARK: Receiving

    func ready(_ events: EventSet) {
        for _ in 0..<4 {
            let count = receiveBatch()
            for index in 0..<count { take(index) }
            if count < memory.inbox.capacity { return }
        }
    }

    private func receiveBatch() -> Int {
        switch socket {
        case .some(let socket): memory.inbox.receive(from: socket)
        case .none: 0
        }
    }

    /// Takes the datagrams that the kernel glued into one.
    private func take(_ index: Int) {
        let bytes = unsafe memory.inbox.bytes(index)
        let segment = memory.inbox.segmentByteCount(index)
        let step = segment > 0 ? segment : bytes.count
        for start in stride(from: 0, to: bytes.count, by: max(1, step)) {
            // SAFETY: the datagram lies within the bytes.
            let end = min(start + step, bytes.count)
            unsafe take(UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    private func take(_ packet: UnsafeMutableRawBufferPointer) {
        guard packet.count >= 12 else { return }
        switch unsafe packet[0] {
        case 0...3: unsafe takeCheck(UnsafeRawBufferPointer(packet))
        case 20...63: unsafe takeDTLS(packet)
        case 128...191: unsafe user?.take(packet, isReport: 192...223 ~= packet[1])
        default: break
        }
    }

    /// Takes the answer to a check, or answers one of a server that makes checks of its own.
    private func takeCheck(_ packet: UnsafeRawBufferPointer) {
        // SAFETY: the bytes live for the call.
        let bytes = unsafe Span<UInt8>(_unsafeBytes: packet)
        guard let message = try? STUNMessage(bytes), let session else { return }
        switch message.kind {
        case .success: if !session.isInControl { begin() }
        case .request:
            var answer = STUNMessage(.success, transactionID: message.transactionID)
            answer.attributes = [.xorMappedAddress(session.serverAddress)]
            send(answer.encoded(key: Array(password.utf8)))
            if session.isInControl, message.attributes.contains(.useCandidate) { begin() }
        case .failure, .indication: break
        }
    }

    /// Begins the handshake, once the way is agreed on.
    private func begin() {
        guard !hasAnswer else { return }
        hasAnswer = true
        for datagram in engine.start() { send(datagram) }
    }

    private func takeDTLS(_ packet: UnsafeMutableRawBufferPointer) {
        for datagram in unsafe engine.receive(UnsafeRawBufferPointer(packet)) { send(datagram) }
        guard !isConnected, let session, let keys = engine.keys(ifPeerIs: [session.fingerprint]) else {
            return
        }
        connected = EventLoop.now
        user?.connected(keys)
    }
}
