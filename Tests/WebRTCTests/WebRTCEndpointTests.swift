import Foundation
import ICE
import Reactor
import Sockets
import TestSupport
import Testing

@testable import WebRTC

@Suite(.timeLimit(.minutes(2))) struct WebRTCEndpointTests {
    @Test func `random bytes are counted and dropped`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected()
        let held = try await rig.run { rig in
            let stranger = try rig.link(.v4)
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<2000 {
                let bytes = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
                    UInt8.random(in: 0...255)
                }
                stranger.send(bytes)
                visit.browser.sendRaw(bytes)
            }
            return Held(stranger)
        }
        try await eventually("the packet behind them") {
            try await rig.run { _ in
                visit.browser.sendRTP(Packets.rtp(9))
                return !visit.received.isEmpty
            }
        }
        try await rig.run { rig in
            #expect(rig.endpoint.counters.packetsReceived > 100)
            #expect(visit.isConnected)
            held.link.close()
        }
        try await rig.stop()
    }

    @Test func `a thousand sessions leave nothing behind`() async throws {
        let rig = try Rig()
        try await connectAndLeave(rig, count: 64)
        let before = Process.descriptorCount
        let memory = Process.residentByteCount
        for _ in 0..<16 { try await connectAndLeave(rig, count: 64) }
        #expect(Process.descriptorCount <= before + 2)
        #expect(Process.residentByteCount < memory + 24_000_000)
        try await rig.run { rig in #expect(rig.endpoint.peerCount == 0 && rig.endpoint.connectionCount == 0) }
        try await rig.stop()
    }

    private func connectAndLeave(_ rig: Rig, count: Int) async throws {
        let identity = rig.identity
        try await rig.run { rig in
            for index in 0..<count { _ = try rig.visit(index % 8 == 0 ? .tcp : .v4, identity: identity) }
        }
        try await eventually("all connected") {
            try await rig.run { rig in rig.visits.allSatisfy { $0.isConnected } }
        }
        try await rig.run { rig in
            for (index, visit) in rig.visits.enumerated() {
                if index.isMultiple(of: 2) { visit.browser.sayGoodbye() } else { visit.transport?.close() }
            }
        }
        try await eventually("all closed") {
            try await rig.run { rig in
                rig.endpoint.peerCount == 0 && rig.visits.allSatisfy { $0.reason != nil }
            }
        }
        try await rig.run { rig in
            for visit in rig.visits { visit.browser.close() }
            rig.forgetVisits()
        }
        try await eventually("connections gone") { try await rig.run { $0.endpoint.connectionCount == 0 } }
    }

    @Test func `a connection with a frame that is too long is closed`() async throws {
        let rig = try Rig()
        let held = try await rig.run { rig in
            let link = try FramedLink(to: rig.endpoint.port, loop: rig.loop)
            link.sendRaw([0xff, 0xff] + [UInt8](repeating: 0, count: 100))
            return Held(link)
        }
        try await eventually("closed") {
            try await rig.run { _ in (held.link as? FramedLink)?.isEnded == true }
        }
        try await rig.stop()
    }

    @Test(arguments: [false, true])
    func `connections that prove nothing are bounded`(perSource: Bool) async throws {
        let rig = try Rig {
            if perSource { $0.unprovenConnectionLimitPerSource = 3 } else { $0.unprovenConnectionLimit = 3 }
        }
        let held = try await rig.run { rig in
            try (0..<5).map { _ in Held(try FramedLink(to: rig.endpoint.port, loop: rig.loop)) }
        }
        try await eventually("two refused") {
            try await rig.run { $0.endpoint.counters.connectionsRefused == 2 }
        }
        try await rig.run { rig in
            #expect(rig.endpoint.connectionCount == 3)
            for each in held { each.link.close() }
        }
        try await rig.stop()
    }

    @Test func `a stranger who trickles bytes is put off all the same`() async throws {
        let rig = try Rig { $0.unprovenConnectionTime = .milliseconds(200) }
        let held = try await rig.run { Held(try FramedLink(to: $0.endpoint.port, loop: $0.loop)) }
        try await eventually("put off") {
            try await rig.run { _ in
                (held.link as? FramedLink)?.sendRaw([0])
                return (held.link as? FramedLink)?.isEnded == true
            }
        }
        try await rig.stop()
    }

    @Test func `all connections of a peer go with it`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected(.tcp)
        let held = try await rig.run { rig in
            let second = try FramedLink(to: rig.endpoint.port, loop: rig.loop)
            second.send(visit.browser.makeCheck(nominates: false))
            return Held(second)
        }
        try await eventually("both are there") { try await rig.run { $0.endpoint.connectionCount == 2 } }
        try await rig.run { _ in visit.transport?.close() }
        try await eventually("both are gone") {
            try await rig.run { rig in
                rig.endpoint.connectionCount == 0 && (held.link as? FramedLink)?.isEnded == true
            }
        }
        try await rig.stop()
    }

    @Test func `strangers at an address are bounded, and take nothing from a peer there`() async throws {
        let rig = try Rig { $0.strangersPerSecondAndSource = 5 }
        let visit = try await rig.connected()
        let (strangers, before) = try await rig.run { rig in
            let strangers = Strangers(try (0..<4).map { _ in try rig.link(.v4) })
            for _ in 0..<500 {
                for link in strangers.links { link.send(visit.browser.makeCheck(password: "wrong")) }
            }
            return (strangers, visit.browser.answeredChecks)
        }
        try await rig.run { _ in for _ in 0..<100 { visit.browser.check() } }
        try await eventually("ignored checks") {
            try await rig.run { $0.endpoint.counters.checksIgnored > 500 }
        }
        try await eventually("the peer has all its answers") {
            try await rig.run { _ in visit.browser.answeredChecks == before + 100 }
        }
        try await rig.run { _ in
            #expect(strangers.answerCount < 20)
            for link in strangers.links { link.close() }
        }
        try await rig.stop()
    }

    @Test func `a source keeps what it has spent whoever else comes`() {
        var budgets = SourceBudgets(perSecond: 10)
        var allowed = 0
        for number in 0..<UInt32(100_000) {
            _ = budgets.allows(.v4(number), at: 1)
            if number.isMultiple(of: 1000), budgets.allows(.v6(high: 1, low: 1), at: 1) { allowed += 1 }
        }
        #expect(allowed == 20)
    }

    @Test func `candidates name UDP before TCP and configured addresses first`() async throws {
        let advertised = try #require(IPAddress("203.0.113.7"))
        let rig = try Rig {
            $0.addresses = ["0.0.0.0"]
            $0.advertisedAddresses = [advertised]
        }
        let candidates = rig.endpoint.candidates
        #expect(candidates.first?.address == TransportAddress(advertised, port: rig.endpoint.port))
        #expect(candidates.map(\.priority) == candidates.map(\.priority).sorted(by: >))
        #expect(Set(candidates.map(\.transport)) == [.udp, .tcp])
        #expect(Set(candidates.map(\.address.ip)).count == candidates.count / 2)
        try await rig.stop()
    }

    @Test func `a replica's port is its slot's, unless all have the same one`() {
        func port(_ first: UInt16, _ translated: [UInt16] = []) -> UInt16 {
            EndpointConfiguration(
                slot: 3,
                firstPort: first,
                address: "",
                advertisedAddresses: ["203.0.113.7", "no address"],
                advertisedPorts: translated
            ).port
        }
        #expect(port(8190) == 8193)
        #expect(port(0) == 0)
        #expect(port(65_534) == 65_535)
        #expect(port(8190, [20_000]) == 8190)
    }

    @Test func `a port that is translated is told as any of those that it may be`() async throws {
        let advertised = try #require(IPAddress("203.0.113.7"))
        let rig = try Rig {
            $0.addresses = ["0.0.0.0"]
            $0.advertisedAddresses = [advertised]
            $0.advertisedPorts = [20_000, 20_001]
        }
        let candidates = rig.endpoint.candidates.filter { $0.transport == .udp }
        let expected = [20_000, 20_001].map { TransportAddress(advertised, port: $0) }
        #expect(candidates.prefix(2).map(\.address) == expected)
        #expect(candidates.dropFirst(2).allSatisfy { $0.address.port == rig.endpoint.port })
        #expect(Set(candidates.map(\.priority)).count == candidates.count)
        try await rig.stop()
    }
}

/// Links that count what comes back.
private final class Strangers: @unchecked Sendable {
    // SAFETY: used on the rig's loop.
    let links: [any Link]
    private(set) var answerCount = 0

    init(_ links: [any Link]) {
        self.links = links
        for link in links { link.receive = { [unowned self] _ in answerCount += 1 } }
    }
}

private enum Process {
    static var descriptorCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    static var residentByteCount: Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (fields?.dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}
