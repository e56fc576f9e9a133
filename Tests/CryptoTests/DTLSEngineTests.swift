import Crypto
import Testing

@Suite struct DTLSEngineTests {
    @Test func `both sides of a handshake get the same keys, crosswise`() throws {
        let identities = (try DTLSIdentity(), try DTLSIdentity())
        var server = DTLSEngine(identities.0, role: .server)
        var client = DTLSEngine(identities.1, role: .client)
        shakeHands(&client, &server)
        let oursOffered = sharedKeys(of: server, ifPeerIs: identities.1)
        let ours = try #require(oursOffered)
        let theirsOffered = sharedKeys(of: client, ifPeerIs: identities.0)
        let theirs = try #require(theirsOffered)
        #expect(ours.profile == .aes128GCM)
        #expect(ours.local == theirs.remote && ours.remote == theirs.local)
        #expect(ours.local != ours.remote)
        #expect(ours.local.key.count == 16 && ours.local.salt.count == 12)
    }

    @Test func `a client that knows counter mode alone gets it`() throws {
        let identities = (try DTLSIdentity(), try DTLSIdentity(profiles: [.aes128CounterSHA1]))
        var server = DTLSEngine(identities.0, role: .server)
        var client = DTLSEngine(identities.1, role: .client)
        shakeHands(&client, &server)
        let keysOffered = sharedKeys(of: server, ifPeerIs: identities.1)
        let keys = try #require(keysOffered)
        #expect(keys.profile == .aes128CounterSHA1)
        #expect(keys.remote.salt.count == 14)
    }

    @Test func `who has another certificate gets no keys`() throws {
        let identities = (try DTLSIdentity(), try DTLSIdentity(), try DTLSIdentity())
        var server = DTLSEngine(identities.0, role: .server)
        var client = DTLSEngine(identities.1, role: .client)
        expectNoKeys(of: server, ifPeerIs: identities.1)
        shakeHands(&client, &server)
        let peer = server.peerFingerprint
        #expect(peer == identities.1.fingerprint)
        expectNoKeys(of: server, ifPeerIs: identities.2)
        let ofNobody = server.keys(ifPeerIs: [])
        #expect(ofNobody == nil)
    }

    @Test func `a lost flight is sent again when its time comes`() throws {
        let identities = (try DTLSIdentity(), try DTLSIdentity())
        var server = DTLSEngine(identities.0, role: .server)
        var client = DTLSEngine(identities.1, role: .client)
        let serverTimeout = server.timeout
        #expect(serverTimeout == nil)
        let lost = client.start()
        #expect(!lost.isEmpty)
        let clientTimeout = client.timeout ?? .zero
        #expect(clientTimeout > .zero && clientTimeout <= DTLSEngine.firstTimeout)
        var again: [[UInt8]] = []
        while again.isEmpty { again = client.handleTimeout() }
        for datagram in again { deliver(datagram, to: &server, answeredBy: &client) }
        expectOpen(client, server)
    }

    @Test func `a server answers a client that missed its last flight`() throws {
        let identities = (try DTLSIdentity(), try DTLSIdentity())
        var server = DTLSEngine(identities.0, role: .server)
        var client = DTLSEngine(identities.1, role: .client)
        var last: [[UInt8]] = []
        for hello in client.start() {
            for flight in feed(hello, to: &server) { last += feed(flight, to: &client) }
        }
        var lost: [[UInt8]] = []
        for datagram in last { lost += feed(datagram, to: &server) }
        let states = (server.state, client.state)
        #expect(states == (.open, .handshaking) && !lost.isEmpty)
        var repeated: [[UInt8]] = []
        while repeated.isEmpty { repeated = client.handleTimeout() }
        for datagram in repeated { deliver(datagram, to: &server, answeredBy: &client) }
        expectOpen(client, server)
    }

    @Test func `every datagram of a handshake fits into one packet`() throws {
        var server = DTLSEngine(try DTLSIdentity(), role: .server)
        var client = DTLSEngine(try DTLSIdentity(), role: .client)
        for hello in client.start() {
            #expect(hello.count <= DTLSEngine.datagramByteLimit)
            for datagram in feed(hello, to: &server) {
                #expect(datagram.count <= DTLSEngine.datagramByteLimit)
            }
        }
    }

    @Test func `goodbye is heard`() throws {
        var server = DTLSEngine(try DTLSIdentity(), role: .server)
        var client = DTLSEngine(try DTLSIdentity(), role: .client)
        shakeHands(&client, &server)
        for datagram in client.close() { _ = feed(datagram, to: &server) }
        let state = server.state
        #expect(state == .closedByPeer)
        let answers = feed([22, 1, 2, 3], to: &server)
        #expect(answers.isEmpty)
    }

    @Test func `random and damaged datagrams end nothing but one handshake`() throws {
        let identity = try DTLSIdentity()
        var generator = SystemRandomNumberGenerator()
        for round in 0..<300 {
            var server = DTLSEngine(identity, role: .server)
            var client = DTLSEngine(identity, role: .client)
            var hello = client.start().first ?? []
            switch round % 3 {
            case 0:
                hello = (0..<Int.random(in: 1...1500, using: &generator)).map { _ in .random(in: 0...255) }
            case 1: hello[Int.random(in: 0..<hello.count)] ^= UInt8.random(in: 1...255)
            default: hello = Array(hello.prefix(Int.random(in: 1..<hello.count)))
            }
            for answer in feed(hello, to: &server) { _ = feed(answer, to: &client) }
            _ = feed((0..<64).map { _ in .random(in: 0...255) }, to: &server)
            let state = server.state
            #expect(state != .open)
        }
    }

    @Test func `a fingerprint is read and written as descriptions carry it`() throws {
        let text = (0..<32).map { $0 == 0 ? "0A" : "FF" }.joined(separator: ":")
        let fingerprint = try #require(CertificateFingerprint(text.lowercased()))
        #expect(fingerprint.description == text)
        for wrong in ["", "AA", text + ":00", String(text.dropLast()), text.replacing("0A", with: "+A")] {
            #expect(CertificateFingerprint(wrong) == nil)
        }
    }
}

private func feed(_ datagram: [UInt8], to engine: inout DTLSEngine) -> [[UInt8]] {
    unsafe datagram.withUnsafeBytes { unsafe engine.receive($0) }
}

private func deliver(_ datagram: [UInt8], to engine: inout DTLSEngine, answeredBy peer: inout DTLSEngine) {
    for answer in feed(datagram, to: &engine) { deliver(answer, to: &peer, answeredBy: &engine) }
}

private func shakeHands(_ client: inout DTLSEngine, _ server: inout DTLSEngine) {
    for hello in client.start() { deliver(hello, to: &server, answeredBy: &client) }
    expectOpen(client, server)
}

private func expectOpen(_ client: borrowing DTLSEngine, _ server: borrowing DTLSEngine) {
    let states = (client.state, server.state)
    #expect(states == (.open, .open))
}

private func sharedKeys(
    of engine: borrowing DTLSEngine,
    ifPeerIs identity: DTLSIdentity
) -> SRTPKeyingMaterial? {
    engine.keys(ifPeerIs: [identity.fingerprint])
}

private func expectNoKeys(of engine: borrowing DTLSEngine, ifPeerIs identity: DTLSIdentity) {
    let keys = engine.keys(ifPeerIs: [identity.fingerprint])
    #expect(keys == nil)
}
