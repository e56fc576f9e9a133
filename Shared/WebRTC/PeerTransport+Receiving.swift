import Crypto
import ICE
import Reactor
import SRTP

extension PeerTransport {
    func receiveDTLS(_ bytes: UnsafeMutableRawBufferPointer, on pair: CandidatePair, now: UInt64) {
        guard state == .handshaking || state == .connected, agent.isChecked(pair) else {
            endpoint.counted.packetsUnproven &+= 1
            return
        }
        if state == .handshaking, flightSent > 0 { statistics.note(roundTrip: now &- flightSent) }
        unsafe sendDTLS(engine.receive(UnsafeRawBufferPointer(bytes)))
        noteEngine()
    }

    func receiveRTP(_ bytes: UnsafeMutableRawBufferPointer, now: UInt64) {
        guard let outcome = unsafe receiver?.unprotectRTP(bytes) else { return statistics.noteEarly() }
        guard let count = statistics.note(outcome, in: &endpoint.counted) else { return }
        // SAFETY: the plain packet is the beginning of the bytes, which live for the call.
        let packet = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
        unsafe observer?.transport(self, didReceiveRTP: Span(_unsafeBytes: packet), at: now)
    }

    func receiveRTCP(_ bytes: UnsafeMutableRawBufferPointer, now: UInt64) {
        guard let outcome = unsafe receiver?.unprotectRTCP(bytes) else { return statistics.noteEarly() }
        guard let count = statistics.note(outcome, in: &endpoint.counted) else { return }
        // Only genuine ones count, so that forged ones take nothing from the peer.
        guard reports.allows(at: now) else { return statistics.reportsIgnored &+= 1 }
        // SAFETY: the plain packet is the beginning of the bytes, which live for the call.
        let packet = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
        unsafe observer?.transport(self, didReceiveRTCP: Span(_unsafeBytes: packet), at: now)
    }

    func noteEngine() {
        switch engine.state {
        case .handshaking: break
        case .open: if state == .handshaking { connect() }
        case .closedByPeer: close(.closedByPeer)
        case .failed(let code):
            if state == .handshaking { close(.handshakeFailed(code: code)) }
        }
    }

    /// No packet is opened or protected before the peer's certificate is known to be the right one, and before it is
    /// certain that it is the peer who gets them.
    private func connect() {
        guard let keys = engine.keys(ifPeerIs: configuration.remoteFingerprints) else {
            return close(.wrongCertificate)
        }
        guard settle(), state == .handshaking else { return }
        sender = SRTPSender(keys.local, profile: keys.profile)
        receiver = SRTPReceiver(keys.remote, profile: keys.profile)
        state = .connected
        statistics.profile = keys.profile
        statistics.connected = EventLoop.now
        observer?.transportDidConnect(self)
    }
}
