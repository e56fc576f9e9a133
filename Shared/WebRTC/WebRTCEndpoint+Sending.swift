import ICE
import Reactor
import Sockets

extension WebRTCEndpoint {
    /// Gives the kernel what has been queued.
    public func flush() {
        for port in ports { port.flush() }
    }

    func send(_ bytes: [UInt8], to address: DatagramAddress) {
        guard let port = datagramPort(for: address),
            (1...DatagramOutbox.datagramByteLimit).contains(bytes.count)
        else {
            return
        }
        unsafe bytes.withUnsafeBytes { unsafe port.room().copyMemory(from: $0) }
        port.outbox.commit(bytes.count, to: address)
        planFlush()
    }

    func send(_ bytes: [UInt8], on pair: CandidatePair) {
        switch pair.transport {
        case .udp: send(bytes, to: pair.remote.datagramAddress)
        case .tcp: unsafe bytes.withUnsafeBytes { unsafe connections[pair.remote]?.send($0) }
        }
    }

    func datagramPort(for address: DatagramAddress) -> DatagramPort? {
        for port in ports where port.isV4 == address.isV4 { return port }
        return nil
    }

    /// Sees to it that what has been queued leaves at the end of the loop's turn.
    @inline(__always)
    func planFlush() {
        if !isFlushPlanned { planFirstFlush() }
    }

    private func planFirstFlush() {
        isFlushPlanned = true
        nonisolated(unsafe) let endpoint = self
        // SAFETY: the closure runs on the loop that this endpoint is bound to.
        loop.execute { unsafe endpoint.flushPlanned() }
    }

    private func flushPlanned() {
        isFlushPlanned = false
        willFlush?()
        flush()
    }
}
