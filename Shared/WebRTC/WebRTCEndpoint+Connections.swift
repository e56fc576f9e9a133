import ICE
import Reactor
import Sockets

extension WebRTCEndpoint {
    func accept(_ accepted: consuming TCPListener.Accepted) {
        guard isOpen, let host = IPAddress(accepted.peer.host) else { return }
        let remote = TransportAddress(host, port: accepted.peer.port)
        guard connections.admit(remote) else { return counted.connectionsRefused &+= 1 }
        let local = TransportAddress(host.isV4 ? .v4(0) : .v6(high: 0, low: 0), port: port)
        let socket = StreamSocket(owning: accepted.takeDescriptor())
        let pair = CandidatePair(.tcp, local: local, remote: remote)
        connections.add(FrameConnection(socket, pair: pair, endpoint: self))
    }

    /// Lets another endpoint have a connection that is for none of our peers.
    ///
    /// - Returns: `false` where there is no other, or the check names nobody.
    func pass(on connection: FrameConnection, with check: Span<UInt8>) -> Bool {
        guard let foreignConnection, let message = try? STUNMessage(check), message.kind == .request,
            let fragment = message.receiverFragment, let descriptor = connection.detach()
        else { return false }
        let bytes = unsafe check.withUnsafeBytes { unsafe Array($0) }
        let foreign = ForeignConnection(
            pair: connection.pair,
            fragment: String(fragment),
            check: bytes,
            descriptor: descriptor
        )
        counted.connectionsPassed &+= 1
        foreignConnection(foreign)
        return true
    }

    /// Takes a connection that another endpoint of the same port has accepted.
    ///
    /// - Returns: `false` where it is for none of our peers either; it is the caller's still.
    public func adopt(_ foreign: ForeignConnection) -> Bool {
        guard isOpen, peersByFragment[foreign.fragment] != nil, connections[foreign.pair.remote] == nil,
            let descriptor = foreign.take()
        else { return false }
        let connection = FrameConnection(StreamSocket(owning: descriptor), pair: foreign.pair, endpoint: self)
        connections.add(connection)
        // SAFETY: the array lives for the call.
        unsafe foreign.check.withUnsafeBytes { check in
            _ = unsafe receiveCheck(
                Span(_unsafeBytes: check),
                on: foreign.pair,
                by: connection,
                now: EventLoop.now
            )
        }
        return true
    }

    func forget(_ connection: FrameConnection) {
        connections.remove(connection)
        counted.packetsDropped &+= connection.droppedCount
        let peer = connection.peer
        connection.peer = nil
        peer?.lost(connection)
    }
}
