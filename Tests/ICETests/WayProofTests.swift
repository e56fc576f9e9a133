import ICE
import Testing

@Suite struct WayProofTests {
    static let second: UInt64 = 1_000_000_000
    let ours = ICECredentials(fragment: "host", password: "passwordpasswordpassword")
    let theirs = ICECredentials(fragment: "peer", password: "wordpasswordpasswordpass")
    let home = ICEAgentTests.pair(1)
    let elsewhere = ICEAgentTests.pair(2)
    var agent: ICEAgent
    var peer: CheckingPeer

    init() {
        agent = ICEAgent(local: ours, remote: theirs, now: 0)
        peer = CheckingPeer(local: theirs, remote: ours)
        _ = agent.receive(peer.check(nominating: true), on: home, now: 0)
        _ = agent.settle(over: home)
    }

    private mutating func nominate(_ pair: CandidatePair, now: UInt64 = 1) -> [ICEAgent.Action] {
        agent.receive(peer.check(nominating: true), on: pair, now: now)
    }

    /// Our check of a pair.
    private mutating func proof(
        of pair: CandidatePair,
        number: UInt64 = 7,
        now: UInt64 = 1
    ) throws -> STUNMessage {
        for case .send(let bytes, pair) in agent.prove(
            pair,
            transactionID: .init(high: 1, low: number),
            now: now
        ) {
            #expect(try STUNMessage(bytes: bytes).isAuthentic(bytes.span, key: Array(theirs.password.utf8)))
            return try STUNMessage(bytes: bytes)
        }
        throw STUNMessage.Failure.notSTUN
    }

    private func answer(_ check: STUNMessage, key: String? = nil) -> [UInt8] {
        STUNMessage(.success, transactionID: check.transactionID)
            .encoded(key: Array((key ?? theirs.password).utf8))
    }

    @Test mutating func `the peer is followed when it answers where it has gone`() throws {
        #expect(nominate(elsewhere).last == .proofNeeded(elsewhere))
        #expect(agent.selectedPair == home)
        let check = try proof(of: elsewhere)
        #expect(check.kind == .request && check.username == "peer:host")
        #expect(agent.receive(answer(check), on: elsewhere, now: 2) == [.selected(elsewhere)])
        #expect(agent.selectedPair == elsewhere && agent.isProven(elsewhere))
        #expect(!agent.isProven(home))
        #expect(nominate(elsewhere).count == 1)
        #expect(nominate(home).last == .proofNeeded(home))
    }

    @Test mutating func `no other answer proves anything`() throws {
        _ = nominate(elsewhere)
        let check = try proof(of: elsewhere)
        var guessed = check
        guessed.transactionID.low &+= 1
        #expect(agent.receive(answer(check, key: ours.password), on: elsewhere, now: 2) == [])
        #expect(agent.receive(answer(guessed), on: elsewhere, now: 2) == [])
        #expect(agent.receive(answer(check), on: home, now: 2) == [])
        #expect(agent.selectedPair == home && !agent.isProven(elsewhere))
        #expect(agent.refusedCount == 3)
        #expect(agent.receive(answer(check), on: elsewhere, now: 3) == [.selected(elsewhere)])
        #expect(agent.receive(answer(check), on: elsewhere, now: 3) == [])
    }

    @Test mutating func `a check that is caught and sent again from elsewhere brings three messages there`()
        throws
    {
        let caught = peer.check(nominating: true)
        _ = agent.receive(caught, on: home, now: 1)
        var count = agent.receive(caught, on: elsewhere, now: 1).filter { $0 != .proofNeeded(elsewhere) }
            .count
        _ = try proof(of: elsewhere)
        count += 1
        for step in 1...100 { count += agent.tick(now: UInt64(step) * Self.second / 10).count }
        #expect(count == 3)
        #expect(agent.selectedPair == home)
        #expect(nominate(elsewhere, now: 11 * Self.second).last == .proofNeeded(elsewhere))
        #expect(try proof(of: elsewhere, number: 8, now: 11 * Self.second).transactionID.low == 8)
    }

    @Test mutating func `invented ways do not keep the right one from being proven`() throws {
        _ = nominate(elsewhere)
        let check = try proof(of: elsewhere)
        for port in 10..<UInt16(20) {
            _ = nominate(ICEAgentTests.pair(port))
            _ = try proof(of: ICEAgentTests.pair(port), number: UInt64(port))
        }
        #expect(agent.receive(answer(check), on: elsewhere, now: 2) == [.selected(elsewhere)])
    }

    @Test mutating func `a choice that was taken back is not followed`() throws {
        _ = nominate(elsewhere)
        let check = try proof(of: elsewhere)
        #expect(nominate(home).count == 1)
        #expect(agent.receive(answer(check), on: elsewhere, now: 2) == [])
        #expect(agent.selectedPair == home)
    }

    @Test mutating func `a connection is proof enough`() {
        let connection = ICEAgentTests.pair(3, over: .tcp)
        #expect(nominate(connection).last == .selected(connection))
    }

    @Test mutating func `who shook hands by several ways has to answer before anything is sent`() throws {
        var agent = ICEAgent(local: ours, remote: theirs, now: 0)
        _ = agent.receive(peer.check(nominating: true), on: home, now: 0)
        _ = agent.receive(peer.check(nominating: true), on: elsewhere, now: 0)
        #expect(agent.settle(over: nil) == [.proofNeeded(elsewhere)])
        #expect(agent.selectedPair == nil)
        self.agent = agent
        let check = try proof(of: elsewhere)
        #expect(self.agent.receive(answer(check), on: elsewhere, now: 2) == [.selected(elsewhere)])
    }

    @Test mutating func `where the last choice is unproven the proven way goes on`() {
        var agent = ICEAgent(local: ours, remote: theirs, now: 0)
        _ = agent.receive(peer.check(nominating: true), on: home, now: 0)
        _ = agent.receive(peer.check(nominating: true), on: elsewhere, now: 0)
        #expect(agent.settle(over: home) == [.selected(home), .proofNeeded(elsewhere)])
        #expect(agent.selectedPair == home)
    }
}
