import TestSupport
import Testing
import WebRTC

@Suite(.timeLimit(.minutes(1))) struct EndpointGroupTests {
    /// So many that the kernel deals some of them to the wrong endpoint, whatever the ports.
    private static let visitCount = 24

    @Test func `whatever loop the kernel chooses, peers get what is theirs`() async throws {
        let rig = try Rig(endpoints: 2)
        let visits = try await rig.run { rig in
            try (0..<Self.visitCount).map { try rig.visit($0 % 6 == 0 ? .tcp : .v4, at: $0 % 2) }
        }
        try await eventually("all are connected") {
            try await rig.run { _ in visits.allSatisfy(\.isConnected) }
        }
        try await rig.run { _ in
            for (index, visit) in visits.enumerated() {
                visit.browser.sendRTP(Packets.rtp(UInt16(index)))
                #expect(visit.send(Packets.rtp(UInt16(index))))
            }
        }
        try await eventually("all have their packet") {
            try await rig.run { _ in
                visits.allSatisfy { !$0.received.isEmpty && !$0.browser.received.isEmpty }
            }
        }
        try await rig.run { rig in
            for (index, visit) in visits.enumerated() {
                #expect(visit.received == [Packets.rtp(UInt16(index))])
            }
            #expect(rig.endpoints.map(\.counters.packetsPassed).reduce(0, +) > 0)
            #expect(rig.endpoints.map(\.counters.connectionsPassed).reduce(0, +) > 0)
            #expect(rig.endpoints.map(\.counters.packetsForged).reduce(0, +) == 0)
        }
        try await rig.stop()
    }

    @Test func `what belongs to nobody goes no further`() async throws {
        let rig = try Rig(endpoints: 2)
        let visit = try await rig.connected()
        let strangers = try await rig.run { rig in
            let before = rig.endpoints.map(\.counters.packetsPassed)
            let strangers = try (0..<8).map { _ in Held(try rig.link(.v4)) }
            for stranger in strangers {
                for _ in 0..<50 {
                    stranger.link.send(visit.browser.protected(Packets.rtp(1)))
                    stranger.link.send([22, 254, 253] + [UInt8](repeating: 0, count: 60))
                    stranger.link.send([1, 1, 0, 0] + [UInt8](repeating: 0, count: 16))
                }
            }
            return (strangers, before)
        }
        try await eventually("all is refused") {
            try await rig.run { rig in
                let counters = rig.endpoints.map(\.counters)
                return counters.map(\.packetsUnproven).reduce(0, +) == 800
                    && counters.map(\.checksIgnored).reduce(0, +) >= 400
            }
        }
        try await rig.run { rig in
            #expect(rig.endpoints.map(\.counters.packetsPassed) == strangers.1)
            #expect(visit.received.isEmpty && visit.isConnected)
            for stranger in strangers.0 { stranger.link.close() }
        }
        try await rig.stop()
    }

    @Test(arguments: [0, 1])
    func `nobody takes the address of a peer who is there`(index: Int) async throws {
        let rig = try Rig(endpoints: 2)
        let visit = try await rig.connected()
        let thief = try await rig.run { try $0.visit(at: index) }
        try await eventually("connected") { try await rig.run { _ in thief.isConnected } }
        let ignored = try await rig.run { rig in
            let ignored = rig.endpoints.map(\.counters.checksIgnored).reduce(0, +)
            // The check is genuine, and seems to come from where the other peer is.
            visit.browser.check()
            for _ in 0..<5 { visit.browser.sendRaw(thief.browser.makeCheck()) }
            visit.browser.sendRTP(Packets.rtp(3))
            return ignored
        }
        try await eventually("the packet") { try await rig.run { _ in !visit.received.isEmpty } }
        try await rig.run { rig in
            #expect(visit.received == [Packets.rtp(3)] && thief.received.isEmpty)
            #expect(rig.endpoints.map(\.counters.checksIgnored).reduce(0, +) == ignored + 5)
        }
        try await rig.stop()
    }
}
