import ICE
import Reactor
import Sockets

extension WebRTCEndpoint {
    /// Takes a datagram that another endpoint of the group has received.
    func adopt(_ datagram: Span<UInt8>, from source: DatagramAddress) {
        guard isOpen else { return }
        var bytes = unsafe datagram.withUnsafeBytes { unsafe Array($0) }
        unsafe bytes.withUnsafeMutableBytes {
            unsafe receive($0, from: source, now: EventLoop.now, isAdopted: true)
        }
    }

    func receive(
        _ bytes: UnsafeMutableRawBufferPointer,
        from source: DatagramAddress,
        now: UInt64,
        isAdopted: Bool = false
    ) {
        counted.packetsReceived &+= 1
        // SAFETY: the bytes live for this call.
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        guard let kind = PacketKind(span) else { return counted.packetsUnknown &+= 1 }
        if kind == .stun {
            receiveCheck(span, from: source, now: now, isAdopted: isAdopted)
        } else if let peer = peersByAddress[source] {
            unsafe deliver(bytes, kind, to: peer, on: pair(source), now: now)
        } else if isAdopted || !pass(span, from: source, to: group.member(at: source)) {
            counted.packetsUnproven &+= 1
        }
    }

    func receive(_ bytes: UnsafeMutableRawBufferPointer, on connection: FrameConnection) {
        counted.packetsReceived &+= 1
        let now = EventLoop.now
        // SAFETY: the bytes live for this call.
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        guard let kind = PacketKind(span) else { return counted.packetsUnknown &+= 1 }
        if kind == .stun {
            receiveCheck(span, on: connection, now: now)
        } else if let peer = connection.peer {
            unsafe deliver(bytes, kind, to: peer, on: connection.pair, now: now)
        } else {
            counted.packetsUnproven &+= 1
        }
    }

    private func deliver(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ kind: PacketKind,
        to peer: PeerTransport,
        on pair: CandidatePair,
        now: UInt64
    ) {
        switch kind {
        case .rtp: unsafe peer.receiveRTP(bytes, now: now)
        case .rtcp: unsafe peer.receiveRTCP(bytes, now: now)
        case .dtls: unsafe peer.receiveDTLS(bytes, on: pair, now: now)
        case .stun: break
        }
    }

    /// Lets another endpoint of the group have a datagram.
    ///
    /// - Returns: `false` where there is no other.
    private func pass(_ bytes: Span<UInt8>, from source: DatagramAddress, to member: GroupMember?) -> Bool {
        guard let member, member !== self.member else { return false }
        if unsafe member.post(bytes.withUnsafeBytes { unsafe Array($0) }, from: source) {
            counted.packetsPassed &+= 1
        } else {
            counted.packetsCrowdedOut &+= 1
        }
        return true
    }

    // MARK: Checks

    private func receiveCheck(
        _ bytes: Span<UInt8>,
        from source: DatagramAddress,
        now: UInt64,
        isAdopted: Bool
    ) {
        guard let message = try? STUNMessage(bytes) else { return counted.checksIgnored &+= 1 }
        if let peer = peer(for: message, from: source) {
            receive(message, bytes, for: peer, on: pair(source), by: nil, now: now)
        } else if isAdopted || !pass(bytes, from: source, to: member(for: message, from: source)) {
            counted.checksIgnored &+= 1
        }
    }

    func receiveCheck(_ bytes: Span<UInt8>, on connection: FrameConnection, now: UInt64) {
        let message = try? STUNMessage(bytes)
        if let message, let peer = peer(for: message, by: connection) {
            receive(message, bytes, for: peer, on: connection.pair, by: connection, now: now)
        } else {
            guard let message, connection.peer == nil, pass(on: connection, message, bytes) else {
                return counted.checksIgnored &+= 1
            }
        }
    }

    /// The peer that a check names, or that has answered one of ours.
    private func peer(for message: STUNMessage, from source: DatagramAddress) -> PeerTransport? {
        guard message.kind == .request else { return peersByAddress[source] }
        return message.receiverFragment.flatMap { peersByFragment[String($0)] }
    }

    private func peer(for message: STUNMessage, by connection: FrameConnection) -> PeerTransport? {
        guard message.kind == .request else { return connection.peer }
        return message.receiverFragment.flatMap { peersByFragment[String($0)] }
    }

    private func member(for message: STUNMessage, from source: DatagramAddress) -> GroupMember? {
        guard message.kind == .request else { return group.member(at: source) }
        return message.receiverFragment.flatMap { group.member(for: String($0)) }
    }

    /// Passes a check on, unless it comes from another peer's address, or as one of too many from where nobody is for
    /// certain: such are looked at only as far as one source's budget goes, which takes nothing from known peers there.
    private func receive(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        for peer: PeerTransport,
        on pair: CandidatePair,
        by connection: FrameConnection?,
        now: UInt64
    ) {
        let isTaken =
            connection.map { $0.isProven && $0.peer !== peer }
            ?? group.isTaken(pair.remote.datagramAddress, from: resident(peer), now: now)
        guard !isTaken, peer.isProven(on: pair) || budgets.allows(pair.remote.ip, at: now) else {
            return counted.checksIgnored &+= 1
        }
        peer.receive(message, bytes, on: pair, by: connection, now: now)
    }

    private func pair(_ source: DatagramAddress) -> CandidatePair {
        let local: IPAddress = source.isV4 ? .v4(0) : .v6(high: 0, low: 0)
        return CandidatePair(
            .udp,
            local: TransportAddress(local, port: port),
            remote: source.transportAddress
        )
    }
}
