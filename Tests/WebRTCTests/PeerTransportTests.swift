import Crypto
import ICE
import TestSupport
import Testing
import WebRTC

@Suite(.timeLimit(.minutes(1))) struct PeerTransportTests {
    @Test(arguments: [Rig.Way.v4, .v6, .tcp])
    func `packets go both ways`(way: Rig.Way) async throws {
        let rig = try Rig()
        let visit = try await rig.connected(way)
        let packets = (0..<200).map { Packets.rtp(UInt16($0), byteCount: 100 + $0 % 3) }
        try await rig.run { _ in
            for packet in packets {
                #expect(visit.send(packet))
                visit.browser.sendRTP(packet)
            }
            #expect(visit.sendReport(Packets.report))
            visit.browser.sendRTCP(Packets.report)
        }
        try await eventually("all packets") {
            try await rig.run { _ in
                visit.browser.received.count == 200 && visit.received.count == 200
                    && visit.browser.reports.count == 1 && visit.reports.count == 1
            }
        }
        try await rig.run { _ in
            #expect(visit.browser.received == packets && visit.received == packets)
            #expect(visit.browser.reports == [Packets.report] && visit.reports == [Packets.report])
            #expect(visit.transport?.statistics.packetsSent == 201)
            #expect(visit.transport?.statistics.packetsReceived == 201)
            #expect(visit.transport?.statistics.profile == .aes128GCM)
            #expect(visit.transport?.statistics.roundTrip != nil)
        }
        try await rig.stop()
    }

    @Test func `a burst of equal packets leaves in few calls and arrives whole`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        let packets = (0..<60).map { Packets.rtp(UInt16($0), byteCount: $0 % 10 == 9 ? 500 : 1100) }
        let calls = try await rig.run { rig in
            let before = rig.endpoint.counters.sendCalls
            for packet in packets { #expect(visit.send(packet)) }
            rig.endpoint.flush()
            return rig.endpoint.counters.sendCalls - before
        }
        #expect(calls == 1)
        try await eventually("the burst") { try await rig.run { _ in visit.browser.received.count == 60 } }
        try await rig.run { _ in #expect(visit.browser.received == packets) }
        try await rig.stop()
    }

    @Test func `who has another certificate is refused`() async throws {
        let rig = try Rig()
        let other = try DTLSIdentity()
        let visit = try await rig.run { try $0.visit(expecting: other.fingerprint) }
        try await eventually("closed") { try await rig.run { _ in visit.reason != nil } }
        try await rig.run { rig in
            #expect(visit.reason == .wrongCertificate)
            #expect(visit.received.isEmpty && rig.endpoint.peerCount == 0)
        }
        try await rig.stop()
    }

    @Test func `replayed and forged packets are dropped`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        try await rig.run { _ in
            let protected = visit.browser.protected(Packets.rtp(1))
            var forged = visit.browser.protected(Packets.rtp(2))
            forged[40] ^= 1
            for packet in [protected, protected, forged, Packets.rtp(3)] { visit.browser.sendRaw(packet) }
            visit.browser.sendRTP(Packets.rtp(4))
        }
        try await eventually("the last") { try await rig.run { _ in visit.received.last == Packets.rtp(4) } }
        try await rig.run { _ in
            #expect(visit.received == [Packets.rtp(1), Packets.rtp(4)])
            #expect(visit.transport?.statistics.packetsReplayed == 1)
            #expect(visit.transport?.statistics.packetsForged == 2)
        }
        try await rig.stop()
    }

    @Test func `a flood of reports is listened to in part`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected(.tcp)
        for _ in 0..<20 {
            try await rig.run { _ in for _ in 0..<100 { visit.browser.sendRTCP(Packets.report) } }
        }
        try await eventually("some are ignored") {
            try await rig.run { _ in visit.transport?.statistics.reportsIgnored ?? 0 > 100 }
        }
        try await rig.run { _ in #expect(visit.reports.count >= 400) }
        try await rig.stop()
    }

    @Test func `a handshake survives lost datagrams`() async throws {
        let rig = try Rig()
        // The first check, the first hello and the first answer to the server's flight are lost.
        let visit = try await rig.run { try $0.visit { [1, 3, 5].contains($0) } }
        try await eventually("connected") { try await rig.run { _ in visit.isConnected } }
        try await rig.stop()
    }

    @Test func `a handshake that stops is given up`() async throws {
        let rig = try Rig()
        let visit = try await rig.run { try $0.visit(handshakeTimeout: .milliseconds(200)) { $0 > 1 } }
        try await eventually("closed") { try await rig.run { _ in visit.reason != nil } }
        try await rig.run { _ in #expect(visit.reason == .handshakeTimedOut) }
        try await rig.stop()
    }

    @Test func `a peer that never comes and one that goes are noticed`() async throws {
        let rig = try Rig()
        var limits = ICEAgent.Limits()
        limits.firstCheck = 100_000_000
        limits.consent = 300_000_000
        let chosen = limits
        let absent = try await rig.run { try $0.visit(limits: chosen) { _ in true } }
        let gone = try await rig.run { try $0.visit(limits: chosen) }
        try await eventually("both closed") {
            try await rig.run { _ in absent.reason != nil && gone.reason != nil }
        }
        try await rig.run { rig in
            #expect(absent.reason == .neverConnected && gone.reason == .consentExpired)
            #expect(gone.browser.isConnected && rig.endpoint.peerCount == 0)
        }
        try await rig.stop()
    }

    @Test func `goodbye is heard on either side`() async throws {
        let rig = try Rig()
        let first = try await rig.connected()
        let second = try await rig.connected()
        try await rig.run { _ in
            first.browser.sayGoodbye()
            second.transport?.close()
        }
        try await eventually("both ended") {
            try await rig.run { _ in first.reason == .closedByPeer && second.browser.hasEnded }
        }
        try await rig.run { _ in #expect(second.reason == .closedLocally) }
        try await rig.stop()
    }

    @Test func `a check with a wrong password and packets from elsewhere change nothing`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        let stranger = try await rig.run { rig in
            let stranger = try rig.link(.v4)
            stranger.send(visit.browser.protected(Packets.rtp(1)))
            stranger.send([22, 254, 253] + [UInt8](repeating: 0, count: 60))
            visit.browser.check(password: "wrong")
            return Held(stranger)
        }
        try await rig.run { _ in visit.browser.sendRTP(Packets.rtp(2)) }
        try await eventually("the packet") { try await rig.run { _ in !visit.received.isEmpty } }
        try await rig.run { rig in
            #expect(visit.received == [Packets.rtp(2)])
            #expect(rig.endpoint.counters.packetsUnproven == 2)
            #expect(visit.isConnected)
            stranger.link.close()
        }
        try await rig.stop()
    }

    @Test func `after a restart both credentials are answered until the new ones are chosen`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        try await rig.run { _ in
            let credentials = visit.transport?.restart(remote: visit.browser.local)
            visit.browser.check()
            if let credentials { visit.browser.start(credentials, fingerprint: rig.identity.fingerprint) }
            visit.browser.check()
        }
        try await eventually("answers") { try await rig.run { _ in visit.browser.answeredChecks >= 2 } }
        try await rig.run { _ in visit.browser.sendRTP(Packets.rtp(7)) }
        try await eventually("media go on") { try await rig.run { _ in visit.received == [Packets.rtp(7)] } }
        try await rig.stop()
    }
}

/// A link that a test takes from the loop and back.
struct Held: @unchecked Sendable {
    // SAFETY: used on the rig's loop.
    let link: any Link
    init(_ link: any Link) { self.link = link }
}
