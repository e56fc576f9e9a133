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
    func pass(on connection: FrameConnection, _ message: STUNMessage, _ check: Span<UInt8>) -> Bool {
        guard message.kind == .request, let fragment = message.receiverFragment.map(String.init),
            let other = group.member(for: fragment), other !== member,
            let foreign = connection.detach(before: check)
        else { return false }
        counted.connectionsPassed &+= 1
        other.post(foreign)
        return true
    }

    /// Takes a connection that another endpoint of the group has accepted.
    func adopt(_ foreign: ForeignConnection) {
        guard isOpen, connections.admit(foreign.pair.remote), let descriptor = foreign.take() else { return }
        let connection = FrameConnection(StreamSocket(owning: descriptor), pair: foreign.pair, endpoint: self)
        connections.add(connection)
        connection.take(foreign.received)
    }

    func forget(_ connection: FrameConnection) {
        connections.remove(connection)
        counted.add(framesDropped: connection.droppedCount)
        let peer = connection.peer
        connection.peer = nil
        peer?.lost(connection)
    }
}
