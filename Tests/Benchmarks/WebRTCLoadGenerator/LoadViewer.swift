import Crypto
import Foundation
import ICE
import RTP
import Reactor
import SRTP
import Sockets

/// Memory that all viewers of a loop receive into and send from.
final class ViewerMemory {
    /// Room for what the kernel glues together of one sender.
    let inbox = DatagramInbox(capacity: 16, datagramByteLimit: 65_535)
    let outbox = DatagramOutbox(slabByteCount: 1, usesRuns: false)
}

/// One viewer: ICE, DTLS as the client, and counting.
final class LoadViewer: EventHandler {
    private static let socketByteCount = 1 << 20
    private static let checkInterval: UInt64 = 2_500_000_000

    let number: Int
    let fragment: String
    let password: String
    let isSampled: Bool
    var counts = PacketCounts()
    var requested: UInt64 = 0
    private(set) var isConnected = false

    private let loop: EventLoop
    private let memory: ViewerMemory
    private var engine: DTLSEngine
    private var socket: DatagramSocket?
    private var session: SessionText.Description?
    private var receiver: SRTPReceiver?
    private var sender: SRTPSender?
    private var hasAnswer = false
    private var lastCheck: UInt64 = 0
    private var connected: UInt64 = 0
    private var firstFrame: UInt64 = 0
    private var videoSSRC: UInt32?
    /// When the numbered packets came, where that is reported.
    private var arrivals: ArrivalRecorder?
    private(set) var feedbackCount = 0

    init(
        _ number: Int,
        _ identity: DTLSIdentity,
        _ memory: ViewerMemory,
        loop: EventLoop,
        isSampled: Bool,
        isBrowser: Bool
    ) {
        self.number = number
        self.memory = memory
        self.loop = loop
        self.isSampled = isSampled
        if isBrowser { arrivals = ArrivalRecorder() }
        let credentials = ICECredentials(random: Randomness.bytes(ICECredentials.randomByteCount))
        fragment = credentials.fragment
        password = credentials.password
        engine = DTLSEngine(identity, role: .client)
    }

    var connectMilliseconds: Double? { connected == 0 ? nil : Double(connected - requested) / 1e6 }
    var firstFrameMilliseconds: Double? { firstFrame == 0 ? nil : Double(firstFrame - requested) / 1e6 }

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
    }

    /// Repeats what got no answer.
    func tick() {
        if !hasAnswer { check() }
        for datagram in engine.handleTimeout() { send(datagram) }
    }

    /// Keeps the consent and reports.
    func care() {
        if EventLoop.now - lastCheck > Self.checkInterval { check() }
        guard let videoSSRC, let reception = counts.reception(of: videoSSRC) else { return }
        let fraction = reception.expected == 0 ? 0 : min(255, reception.lost * 256 / reception.expected)
        let words: [UInt32] = [
            0x81c9_0007, 1, videoSSRC, UInt32(fraction) << 24 | UInt32(clamping: reception.lost) & 0xff_ffff,
            UInt32(truncatingIfNeeded: reception.highest), 0, 0, 0,
        ]
        sendReport(words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } })
    }

    /// Reports which packets have come, and when.
    func reportArrivals() {
        guard let videoSSRC else { return }
        while let feedback = arrivals?.makeFeedback(senderSSRC: 1, mediaSSRC: videoSSRC) {
            feedbackCount += 1
            sendReport(RTCPCompound.bytes(of: [.transportFeedback(feedback)]))
        }
    }

    private func sendReport(_ report: [UInt8]) {
        var packet = report + [UInt8](repeating: 0, count: SRTPSender.rtcpOverheadByteLimit)
        let count = unsafe packet.withUnsafeMutableBytes {
            unsafe sender?.protectRTCP($0, count: report.count)
        }
        if let count { send(Array(packet.prefix(count))) }
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

    private func send(_ bytes: [UInt8]) {
        guard let session else { return }
        guard socket != nil else { return }
        transmit(bytes, to: session.server)
    }

    private func transmit(_ bytes: [UInt8], to server: DatagramAddress) {
        switch socket {
        case .some(let socket):
            unsafe memory.outbox.room(on: socket).copyBytes(from: bytes)
            memory.outbox.commit(bytes.count, to: server)
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
        case 128...191: if unsafe !(192...223 ~= packet[1]) { unsafe takeMedia(packet) }
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
        sender = SRTPSender(keys.local, profile: keys.profile)
        if isSampled { receiver = SRTPReceiver(keys.remote, profile: keys.profile) }
        isConnected = true
        connected = EventLoop.now
    }

    private func takeMedia(_ packet: UnsafeMutableRawBufferPointer) {
        // SAFETY: the packet has at least the twelve bytes of a header.
        let sequence = unsafe UInt16(packet[2]) << 8 | UInt16(packet[3])
        let ssrc = (8..<12).reduce(UInt32(0)) { unsafe $0 << 8 | UInt32(packet[$1]) }
        counts.note(ssrc: ssrc, sequence: sequence, byteCount: packet.count)
        if arrivals != nil, let number = unsafe Self.number(of: UnsafeRawBufferPointer(packet)) {
            arrivals?.record(number, now: EventLoop.now)
        }
        if unsafe packet[1] & 127 == SessionText.videoType {
            videoSSRC = ssrc
            if firstFrame == 0, unsafe packet[1] & 128 != 0 { firstFrame = EventLoop.now }
        }
        guard isSampled else { return }
        if case .accepted? = unsafe receiver?.unprotectRTP(packet) {
            counts.decrypted += 1
            unsafe noteDelay(UnsafeRawBufferPointer(packet))
        } else {
            counts.refused += 1
        }
    }

    /// The number of a packet on its transport, from its one-byte header extensions (RFC 8285 §4.2).
    private static func number(of packet: UnsafeRawBufferPointer) -> UInt16? {
        func word(at offset: Int) -> Int { unsafe Int(packet[offset]) << 8 | Int(packet[offset + 1]) }
        // SAFETY: every read is behind a check of the count.
        let start = unsafe 12 + 4 * Int(packet[0] & 15)
        guard unsafe packet[0] & 0x10 != 0, start + 4 <= packet.count, word(at: start) == 0xbede else {
            return nil
        }
        var offset = start + 4
        let end = min(offset + 4 * word(at: start + 2), packet.count)
        while offset < end {
            let head = unsafe packet[offset]
            let count = head == 0 ? 0 : Int(head & 15) + 1
            if head >> 4 == SessionText.numberID, count == 2, offset + 2 < end {
                return UInt16(word(at: offset + 1))
            }
            offset += 1 + count
        }
        return nil
    }

    /// Looks for the time that the publisher has written into its pictures; see `ClockMark`.
    private func noteDelay(_ packet: UnsafeRawBufferPointer) {
        // SAFETY: every read is behind a check of the count.
        let front = unsafe packet.prefix(Self.markReach)
        let last = unsafe front.count - Self.markName.count - 16
        guard last >= 12 else { return }
        for start in 12...last where unsafe front[start] == Self.markName[0] {
            let name = unsafe front[start..<start + Self.markName.count]
            guard unsafe name.elementsEqual(Self.markName) else { continue }
            let digits = unsafe front[name.endIndex..<name.endIndex + 16]
            guard let sent = unsafe UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else { return }
            counts.forwardMilliseconds.append(Double(Int64(Self.microseconds) - Int64(clamping: sent)) / 1000)
            return
        }
    }

    private static let markName = Array("martlet-clock-v1".utf8)
    /// How far into a packet the mark is looked for.
    private static let markReach = 200

    private static var microseconds: UInt64 {
        var time = timespec()
        // SAFETY: the kernel writes a local variable.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }
}
