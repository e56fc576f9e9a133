import TestSupport
import Testing
import WebRTC

@Suite(.timeLimit(.minutes(1))) struct MovingPeerTests {
    @Test func `a peer that has moved is followed once it has answered there`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        for round in 1...3 {
            try await rig.run { rig in visit.browser.move(to: try rig.link(round == 2 ? .tcp : .v4)) }
            try await eventually("media come by the new way") {
                try await rig.run { _ in
                    _ = visit.send(Packets.rtp(UInt16(round)))
                    return visit.browser.received.last == Packets.rtp(UInt16(round))
                }
            }
        }
        try await rig.run { _ in
            #expect(visit.transport?.statistics.selectedPairChanges == 4)
            #expect(visit.browser.checksAnswered == 2)
        }
        try await rig.stop()
    }

    @Test func `who moves while hands are shaken is sent media once it has answered`() async throws {
        let rig = try Rig()
        let visit = try await rig.run { rig in
            let visit = try rig.visit()
            visit.browser.isDeaf = true
            return visit
        }
        try await eventually("our part is sent") {
            try await rig.run { _ in visit.browser.unheardCount > 0 }
        }
        try await rig.run { rig in
            visit.browser.isDeaf = false
            visit.browser.move(to: try rig.link(.v4))
        }
        try await eventually("connected") { try await rig.run { _ in visit.isConnected } }
        try await rig.run { _ in
            #expect(visit.browser.checksAnswered >= 1)
            #expect(visit.send(Packets.rtp(1)))
        }
        try await eventually("media") { try await rig.run { _ in !visit.browser.received.isEmpty } }
        try await rig.stop()
    }

    @Test func `a check that was caught and comes again from elsewhere leads media nowhere`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        let stranger = try await rig.run { rig in
            let stranger = Stranger(try rig.link(.v4))
            let caught = visit.browser.makeCheck()
            for _ in 0..<20 { stranger.link.send(caught) }
            return stranger
        }
        try await eventually("it is answered") { try await rig.run { _ in stranger.received.count >= 20 } }
        try await rig.run { _ in for number in 0..<50 { #expect(visit.send(Packets.rtp(UInt16(number)))) } }
        try await eventually("media") { try await rig.run { _ in visit.browser.received.count == 50 } }
        try await rig.run { _ in
            #expect(stranger.received.allSatisfy { $0[0] < 4 })
            #expect(stranger.received.count <= 20 + 7)
            #expect(visit.transport?.statistics.selectedPairChanges == 1)
            stranger.link.close()
        }
        try await rig.stop()
    }
}

/// Somebody at another address, who keeps what comes.
private final class Stranger: @unchecked Sendable {
    // SAFETY: used on the rig's loop.
    let link: any Link
    private(set) var received: [[UInt8]] = []

    init(_ link: any Link) {
        self.link = link
        link.receive = { [unowned self] in received.append($0) }
    }
}
