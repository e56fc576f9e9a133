import Crypto
public import ICE
import Reactor
import Sockets

extension PeerTransport {
    /// Begins an ICE restart; media go on over the old way until the peer has chosen a new one.
    ///
    /// - Parameter remote: The peer's new credentials.
    /// - Returns: The new local credentials.
    public func restart(remote: ICECredentials?) -> ICECredentials {
        let credentials = ICECredentials(random: Randomness.bytes(ICECredentials.randomByteCount))
        perform(agent.restart(local: credentials, remote: remote))
        endpoint.register(self, fragment: credentials.fragment)
        return credentials
    }

    /// Takes a STUN request whose user name is this peer's, or an answer that came by one of its ways.
    func receive(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        by connection: FrameConnection?,
        now: UInt64
    ) {
        let refused = agent.refusedCount
        let actions = agent.receive(message, bytes, on: pair, now: now)
        endpoint.counted.checksRefused &+= agent.refusedCount &- refused
        if agent.isChecked(pair) { learn(pair, connection, now: now) }
        perform(actions)
    }

    /// Whether a check has proven `pair` to be a way to this peer, and it is remembered.
    func knows(_ pair: CandidatePair) -> Bool { agent.isChecked(pair) }

    /// Whether what is sent over `pair` is certain to reach this peer.
    func isProven(on pair: CandidatePair) -> Bool { agent.isProven(pair) }

    /// Looks at the clock.
    func tick(now: UInt64) {
        perform(agent.tick(now: now))
    }

    private func perform(_ actions: [ICEAgent.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes, let pair): endpoint.send(bytes, on: pair)
            case .selected(let pair): select(pair)
            case .proofNeeded(let pair): prove(pair)
            case .retired(let fragment): endpoint.unregister(self, fragment: fragment)
            case .lost(.neverConnected): close(.neverConnected)
            case .lost(.consentExpired): close(.consentExpired)
            }
        }
    }

    private func prove(_ pair: CandidatePair) {
        perform(agent.prove(pair, transactionID: .random, now: EventLoop.now))
    }

    /// Lets packets of a checked way find this peer.
    private func learn(_ pair: CandidatePair, _ connection: FrameConnection?, now: UInt64) {
        if let connection {
            connection.peer = self
            return
        }
        let address = pair.remote.datagramAddress
        endpoint.register(self, address: address, isProven: agent.isProven(pair), now: now)
        guard !knownAddresses.contains(address) else { return }
        knownAddresses.append(address)
        guard knownAddresses.count > Self.addressLimit else { return }
        let checked = Set(agent.checkedPairs.map(\.remote.datagramAddress))
        for stale in knownAddresses where !checked.contains(stale) {
            endpoint.unregister(self, address: stale)
        }
        knownAddresses.removeAll { !checked.contains($0) }
    }

    private func select(_ pair: CandidatePair) {
        switch pair.transport {
        case .udp:
            address = pair.remote.datagramAddress
            connection = nil
        case .tcp:
            address = nil
            connection = endpoint.connections[pair.remote]
        }
        statistics.selectedPairChanges &+= 1
        switch state {
        case .checking: shakeHands()
        case .handshaking: noteEngine()
        case .connected, .closed: break
        }
    }

    private func shakeHands() {
        state = .handshaking
        handshakeBegan = EventLoop.now
        endpoint.watchHandshake(of: self)
        sendDTLS(engine.start())
    }

    /// Sees to it that media go only where the peer is for certain.
    ///
    /// Who has answered what was sent one way alone is there; else it has to answer a check.
    /// - Returns: Whether there is such a way already.
    func settle() -> Bool {
        perform(agent.settle(over: handshakePairs.count == 1 ? handshakePairs.first : nil))
        guard let pair = agent.selectedPair, agent.isProven(pair) else { return false }
        if pair.transport == .udp { learn(pair, nil, now: EventLoop.now) }
        return true
    }

    /// A connection of this peer is gone; ICE falls back to another way, or waits for the peer to make a new one.
    func lost(_ connection: FrameConnection) {
        agent.forget(connection.pair)
        guard self.connection === connection else { return }
        self.connection = nil
        if let pair = agent.selectedPair { select(pair) }
    }
}

extension STUNMessage.TransactionID {
    /// An ID that nobody can guess.
    fileprivate static var random: Self {
        var generator = SystemRandomNumberGenerator()
        return Self(high: generator.next(), low: generator.next())
    }
}
