import ICE
import Reactor
import SRTP
import Sockets

extension PeerTransport {
    /// What protection adds to an RTP packet; zero before the connection.
    public var rtpOverheadByteCount: Int { sender?.rtpOverheadByteCount ?? 0 }

    /// The longest plain packet that can be sent.
    public static let packetByteLimit = DatagramOutbox.datagramByteLimit - SRTPSender.rtcpOverheadByteLimit

    /// Whether what is sent now would wait behind what the path has not carried yet; so it is by TCP only, as datagrams
    /// are queued or lost on the way.
    public var isBacklogged: Bool { connection?.isBacklogged ?? false }

    /// Sends one RTP packet of `byteCount` bytes that `write` writes.
    ///
    /// Packets of one length for one peer that follow each other leave as one run; they leave at the end of the
    /// loop's turn, or at ``WebRTCEndpoint/flush()``.
    ///
    /// - Returns: `false` where the transport is not connected, or the bytes are no RTP packet.
    @discardableResult
    public func sendRTP(byteCount: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> Bool {
        // There is a sender exactly while packets can be sent.
        guard byteCount > 0, byteCount <= Self.packetByteLimit else { return false }
        let room = unsafe (port ?? endpoint.ports[0]).room()
        // SAFETY: the room is longer than the limit and is used by this call alone.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: room[..<byteCount])
        )
        write(&span)
        guard let count = unsafe sender?.protectRTP(room, count: byteCount) else { return false }
        unsafe commit(room, count)
        return true
    }

    /// Sends one RTP packet.
    @discardableResult
    public func sendRTP(_ packet: Span<UInt8>) -> Bool {
        sendRTP(byteCount: packet.count) { room in
            for index in packet.indices { room[index] = packet[index] }
        }
    }

    /// Sends one compound RTCP packet.
    @discardableResult
    public func sendRTCP(_ packet: Span<UInt8>) -> Bool {
        guard !packet.isEmpty, packet.count <= Self.packetByteLimit else { return false }
        let room = unsafe (port ?? endpoint.ports[0]).room()
        // SAFETY: the room is longer than the limit.
        unsafe packet.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
        guard let count = unsafe sender?.protectRTCP(room, count: packet.count) else { return false }
        unsafe commit(room, count)
        return true
    }

    private func commit(_ room: UnsafeMutableRawBufferPointer, _ count: Int) {
        statistics.packetsSent &+= 1
        statistics.bytesSent &+= UInt64(count)
        if let address, let port {
            port.outbox.commit(count, to: address)
            endpoint.planFlush()
        } else {
            unsafe connection?.send(UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }

    func sendDTLS(_ datagrams: [[UInt8]]) {
        guard !datagrams.isEmpty else { return }
        flightSent = EventLoop.now
        if state == .handshaking, handshakePairs.count < 2, let pair = agent.selectedPair {
            handshakePairs.insert(pair)
        }
        for datagram in datagrams { send(datagram) }
    }

    func send(_ bytes: [UInt8]) {
        if let address {
            endpoint.send(bytes, to: address)
        } else {
            unsafe bytes.withUnsafeBytes { unsafe connection?.send($0) }
        }
    }
}
