import ICE
import Testing

/// A peer that checks.
struct CheckingPeer {
    var local: ICECredentials
    var remote: ICECredentials
    var number: UInt64 = 0

    mutating func check(
        nominating: Bool = false,
        with more: [STUNMessage.Attribute] = [.controlling(tieBreaker: 1)],
        key: String? = nil
    ) -> [UInt8] {
        number += 1
        var attributes: [STUNMessage.Attribute] = [
            .username("\(remote.fragment):\(local.fragment)"), .priority(0x6e00_1eff),
        ]
        attributes += more
        if nominating { attributes.append(.useCandidate) }
        return STUNMessage(.request, transactionID: .init(high: 1, low: number), attributes: attributes)
            .encoded(key: Array((key ?? remote.password).utf8))
    }
}

@Suite struct ICEAgentTests {
    static let second: UInt64 = 1_000_000_000
    let ours = ICECredentials(fragment: "host", password: "passwordpasswordpassword")
    let theirs = ICECredentials(fragment: "peer", password: "wordpasswordpasswordpass")
    var agent: ICEAgent
    var peer: CheckingPeer

    init() {
        agent = ICEAgent(local: ours, remote: theirs, now: 0)
        peer = CheckingPeer(local: theirs, remote: ours)
    }

    static func pair(_ port: UInt16, over transport: TransportProtocol = .udp) -> CandidatePair {
        CandidatePair(
            transport,
            local: TransportAddress(.v4(0x7f00_0001), port: 8189),
            remote: TransportAddress(.v4(0x7f00_0001), port: port)
        )
    }

    private func answer(in actions: [ICEAgent.Action]) throws -> (STUNMessage, bytes: [UInt8]) {
        for case .send(let bytes, _) in actions { return (try STUNMessage(bytes: bytes), bytes) }
        throw STUNMessage.Failure.notSTUN
    }

    private func errorCode(in actions: [ICEAgent.Action]) throws -> Int? {
        for case .errorCode(let code, _) in try answer(in: actions).0.attributes { return code }
        return nil
    }

    @Test mutating func `a check is answered with the address it came from`() throws {
        let check = peer.check()
        let actions = agent.receive(check, on: Self.pair(1000), now: 1)
        let (message, bytes) = try answer(in: actions)
        #expect(message.kind == .success)
        #expect(message.mappedAddress == Self.pair(1000).remote)
        #expect(message.isAuthentic(bytes, key: Array(ours.password.utf8)))
        #expect(actions.last == .selected(Self.pair(1000)))
        #expect(agent.isChecked(Self.pair(1000)))
        #expect(!agent.isChecked(Self.pair(1001)))
    }

    @Test mutating func `the pair that the peer nominates last is the one`() {
        _ = agent.receive(peer.check(), on: Self.pair(1), now: 1)
        _ = agent.receive(peer.check(), on: Self.pair(2), now: 2)
        #expect(agent.selectedPair == Self.pair(1))
        let chosen = agent.receive(peer.check(nominating: true), on: Self.pair(2), now: 3)
        #expect(chosen.contains(.selected(Self.pair(2))))
        let again = agent.receive(peer.check(nominating: true), on: Self.pair(2), now: 4)
        #expect(again.count == 1)
        let moved = agent.receive(peer.check(nominating: true), on: Self.pair(3, over: .tcp), now: 5)
        #expect(moved.contains(.selected(Self.pair(3, over: .tcp))))
    }

    @Test mutating func `who does not know the password learns nothing and chooses nothing`() throws {
        let forged = peer.check(nominating: true, key: "wrong")
        let actions = agent.receive(forged, on: Self.pair(1), now: 1)
        #expect(try errorCode(in: actions) == 401)
        #expect(try answer(in: actions).bytes.count <= forged.count)
        #expect(agent.selectedPair == nil)
        #expect(!agent.isChecked(Self.pair(1)))
        #expect(agent.checkCount == 0)
    }

    @Test mutating func `an answer to a stranger is never larger than the question`() {
        let bare = STUNMessage(.request, transactionID: .init(high: 0, low: 0)).encoded(key: nil)
        #expect(agent.receive(bare, on: Self.pair(1), now: 1) == [])
    }

    @Test func `an answer to the peer is hardly larger than the barest check`() throws {
        let ours = ICECredentials(random: [UInt8](repeating: 77, count: ICECredentials.randomByteCount))
        var agent = ICEAgent(local: ours, remote: theirs, now: 0)
        let bare = STUNMessage(
            .request,
            transactionID: .init(high: 0, low: 0),
            attributes: [.username("\(ours.fragment):\(theirs.fragment)")]
        ).encoded(key: Array(ours.password.utf8), fingerprint: false)
        let host = TransportAddress(.v6(high: 1, low: 2), port: 9)
        let actions = agent.receive(bare, on: CandidatePair(.udp, local: host, remote: host), now: 1)
        #expect(try bare.count == 68 && answer(in: actions).bytes.count == 76)
    }

    @Test mutating func `a name for another session is refused`() throws {
        peer.local.fragment = "other"
        let check = peer.check()
        #expect(try errorCode(in: agent.receive(check, on: Self.pair(1), now: 1)) == 401)
    }

    @Test mutating func `a peer that also wants to be controlled is told of the conflict`() throws {
        let check = peer.check(nominating: true, with: [.controlled(tieBreaker: 5)])
        #expect(try errorCode(in: agent.receive(check, on: Self.pair(1), now: 1)) == 487)
        #expect(agent.selectedPair == nil)
    }

    @Test mutating func `an attribute that must be known and is not is named`() throws {
        let check = peer.check(with: [.other(0x0033, byteCount: 4), .other(0x9001, byteCount: 4)])
        let message = try answer(in: agent.receive(check, on: Self.pair(1), now: 1)).0
        #expect(message.attributes == [.errorCode(420, reason: ""), .unknownAttributes([0x33])])
    }

    @Test mutating func `thirty seconds without a check end the session once`() {
        #expect(agent.deadline == 10 * Self.second)
        _ = agent.receive(peer.check(), on: Self.pair(1), now: 10 * Self.second)
        #expect(agent.tick(now: 10 * Self.second) == [])
        #expect(agent.deadline == 40 * Self.second)
        #expect(agent.tick(now: 39 * Self.second) == [])
        #expect(agent.tick(now: 40 * Self.second) == [.lost(.consentExpired)])
        #expect(agent.tick(now: 50 * Self.second) == [])
        #expect(agent.receive(peer.check(), on: Self.pair(1), now: 51 * Self.second) == [])
    }

    @Test mutating func `a peer that never came is said to have never come`() {
        #expect(agent.tick(now: 10 * Self.second) == [.lost(.neverConnected)])
    }

    @Test mutating func `forged checks do not keep a session alive`() {
        _ = agent.receive(peer.check(), on: Self.pair(1), now: 0)
        _ = agent.receive(peer.check(key: "wrong"), on: Self.pair(1), now: 29 * Self.second)
        #expect(agent.tick(now: 30 * Self.second) == [.lost(.consentExpired)])
    }

    @Test mutating func `a restart keeps the old pair until the peer chooses a new one`() {
        _ = agent.receive(peer.check(nominating: true), on: Self.pair(1), now: 1)
        let newer = ICECredentials(fragment: "host2", password: "anotherpasswordanotherpassword")
        #expect(agent.restart(local: newer, remote: .init(fragment: "peer2", password: "p")) == [])
        #expect(agent.fragments == ["host", "host2"])
        #expect(agent.selectedPair == Self.pair(1))

        let old = agent.receive(peer.check(nominating: true), on: Self.pair(1), now: 2)
        #expect(old.count == 1)

        peer.remote = newer
        peer.local.fragment = "peer2"
        let first = agent.receive(peer.check(), on: Self.pair(2), now: 3)
        #expect(first.count == 1)
        #expect(agent.selectedPair == Self.pair(1))
        let chosen = agent.receive(peer.check(nominating: true), on: Self.pair(2), now: 4)
        #expect(chosen.contains(.selected(Self.pair(2))))
        #expect(chosen.contains(.retired(fragment: "host")))
        #expect(agent.fragments == ["host2"])
        #expect(agent.credentials == newer)
    }

    @Test mutating func `a second restart retires the one that was not finished`() {
        _ = agent.restart(local: .init(fragment: "host2", password: "p"), remote: nil)
        let actions = agent.restart(local: .init(fragment: "host3", password: "p"), remote: nil)
        #expect(actions == [.retired(fragment: "host2")])
        #expect(agent.fragments == ["host", "host3"])
    }

    @Test mutating func `the number of pairs and of answers is bounded`() {
        for port in 1...UInt16(90) { _ = agent.receive(peer.check(), on: Self.pair(port), now: 1) }
        #expect(agent.checkedPairs.count == 16)
        #expect(agent.selectedPair == Self.pair(1))
        var answers = 0
        for _ in 0..<200 { answers += agent.receive(peer.check(), on: Self.pair(1), now: 1).count }
        #expect(answers == 10)
        #expect(agent.receive(peer.check(), on: Self.pair(1), now: Self.second).count == 1)
    }

    @Test mutating func `a flood of forged checks takes nothing from the peer, and gets few answers`() {
        _ = agent.receive(peer.check(nominating: true), on: Self.pair(1), now: 0)
        _ = agent.settle(over: Self.pair(1))
        var answers = (genuine: 0, forged: 0)
        // 500 a second from where the peer is and from elsewhere, and each 2.5 s a genuine one.
        for number in 1...UInt64(30_000) {
            let now = number * Self.second / 500
            let pair = Self.pair(number.isMultiple(of: 2) ? 1 : UInt16(number))
            answers.forged += agent.receive(peer.check(key: "wrong"), on: pair, now: now).count
            guard number.isMultiple(of: 1250) else { continue }
            answers.genuine += agent.receive(peer.check(nominating: true), on: Self.pair(1), now: now).count
            #expect(agent.tick(now: now) == [])
        }
        #expect(answers.genuine == 24)
        #expect(answers.forged <= 20 + 60 * 10)
        #expect(agent.selectedPair == Self.pair(1))
    }

    @Test mutating func `a flood of caught checks takes nothing from the peer`() {
        _ = agent.receive(peer.check(nominating: true), on: Self.pair(1), now: 0)
        _ = agent.settle(over: Self.pair(1))
        let caught = peer.check(nominating: true)
        for number in 1...UInt64(20_000) {
            let now = number * Self.second / 500
            _ = agent.receive(caught, on: Self.pair(UInt16(2 + number % 1000)), now: now)
            guard number.isMultiple(of: 1250) else { continue }
            #expect(agent.receive(peer.check(nominating: true), on: Self.pair(1), now: now).count == 1)
        }
        #expect(agent.selectedPair == Self.pair(1))
    }

    @Test mutating func `a closed connection is not the way any more`() {
        _ = agent.receive(peer.check(nominating: true), on: Self.pair(1, over: .tcp), now: 1)
        _ = agent.receive(peer.check(), on: Self.pair(2), now: 2)
        agent.forget(Self.pair(1, over: .tcp))
        #expect(agent.selectedPair == Self.pair(2))
        #expect(!agent.isChecked(Self.pair(1, over: .tcp)))
    }

    @Test func `credentials have the length and the characters of ICE`() {
        let bytes = (0..<ICECredentials.randomByteCount).map { UInt8($0 * 7) }
        let credentials = ICECredentials(random: bytes)
        #expect(credentials.fragment.count == 12)
        #expect(credentials.password.count == 28)
    }
}
