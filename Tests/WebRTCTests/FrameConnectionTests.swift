import Telemetry
import TestSupport
import Testing
import WebRTC

@Suite(.timeLimit(.minutes(1))) struct FrameConnectionTests {
    private static let packetByteCount = 1000
    private static let packetLimit = 4000

    /// Lets a path stand still and sends until the connection is behind and nothing more leaves it.
    ///
    /// - Returns: how many packets it has taken.
    private static func fill(_ rig: Rig, _ visit: Visit) async throws -> Int {
        try await rig.run { _ in (visit.browser.link as? FramedLink)?.isPaused = true }
        var count = 0
        var idleTurns = 0
        try await eventually("no more is taken") {
            let before = count
            count = try await rig.run { _ in
                var count = before
                while visit.transport?.isBacklogged == false, count < packetLimit {
                    _ = visit.send(Packets.rtp(UInt16(count), byteCount: packetByteCount))
                    count += 1
                }
                return count
            }
            idleTurns = count == before ? idleTurns + 1 : 0
            return idleTurns == 3
        }
        return count
    }

    @Test func `a path that stands still gathers little, and is told of`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected(.tcp)
        let count = try await Self.fill(rig, visit)
        // What the other end's kernel takes without being read, and what ours has sent, is the most of it.
        #expect(count < 600, "\(count) kB are on their way")
        try await rig.run { _ in (visit.browser.link as? FramedLink)?.isPaused = false }
        try await eventually("all of it comes, and there is room again") {
            try await rig.run { _ in
                visit.browser.received.count == count && visit.transport?.isBacklogged == false
            }
        }
        try await rig.run { _ in
            let all = (0..<count).map { Packets.rtp(UInt16($0), byteCount: Self.packetByteCount) }
            #expect(visit.browser.received == all)
        }
        try await rig.stop()
    }

    @Test func `what waits and what is dropped is told while it is so`() async throws {
        let registry = MetricRegistry(service: "test")
        let rig = try Rig { $0.metrics = EndpointMetrics(registry) }
        let visit = try await rig.connected(.tcp)
        _ = try await Self.fill(rig, visit)
        func value(_ name: String) -> Int {
            let line = registry.prometheusText.split(separator: "\n").first { $0.hasPrefix("test_\(name) ") }
            return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        }
        try await eventually("nothing more is taken once the oldest has waited for long") {
            try await rig.run { rig in
                _ = visit.send(Packets.rtp(1))
                return rig.endpoint.counters.framesDropped > 0
            }
        }
        try await eventually("both are told") {
            value("webrtc_packets_dropped_total{transport=\"tcp\"}") > 0
                && value("webrtc_tcp_backlog_bytes") > 0
        }
        let most = try await rig.run { $0.endpoint.backlog.frames }
        #expect(most <= 64 * 1024)
        #expect(value("webrtc_packets_dropped_total{transport=\"udp\"}") == 0)
        try await rig.stop()
        #expect(value("webrtc_tcp_backlog_bytes") == 0)
    }

    @Test func `nobody is let send what would be dropped, however little has waited for long`() async throws {
        let rig = try Rig()
        let visit = try await rig.connected(.tcp)
        let (packetLimit, packetByteCount) = (Self.packetLimit, Self.packetByteCount)
        try await rig.run { _ in (visit.browser.link as? FramedLink)?.isPaused = true }
        var count = 0
        // The kernel takes some more a little later, until the other end's is full as well.
        try await eventually("one packet has waited for long, and whoever asks is told so") {
            let before = count
            let (after, isBacklogged) = try await rig.run { rig in
                var count = before
                while rig.endpoint.backlog.frames == 0, count < packetLimit {
                    _ = visit.send(Packets.rtp(UInt16(count), byteCount: packetByteCount))
                    count += 1
                }
                return (count, visit.transport?.isBacklogged == true)
            }
            count = after
            return isBacklogged
        }
        let sent = count
        try await rig.run { rig in
            #expect(rig.endpoint.counters.framesDropped == 0)
            #expect(rig.endpoint.backlog.frames <= 2 * packetByteCount)
            (visit.browser.link as? FramedLink)?.isPaused = false
        }
        try await eventually("all of it comes, and there is room again") {
            try await rig.run { _ in
                visit.browser.received.count == sent && visit.transport?.isBacklogged == false
            }
        }
        try await rig.stop()
    }

    @Test func `a connection goes to its loop with all that was read of it`() async throws {
        let rig = try Rig(endpoints: 2)
        let visit = try await rig.connected()
        // So many that the kernel deals some of them to the wrong endpoint.
        let links = try await rig.run { rig in
            try (0..<16).map { _ in
                let link = CheckingLink(try FramedLink(to: rig.endpoint.port, loop: rig.loop))
                link.start(
                    visit.browser.makeCheck(nominates: false),
                    visit.browser.makeCheck(nominates: false)
                )
                return link
            }
        }
        try await eventually("both checks of all are answered") {
            try await rig.run { _ in links.allSatisfy { $0.answerCount == 2 } }
        }
        try await rig.run { rig in
            #expect(rig.endpoints.map(\.counters.connectionsPassed).reduce(0, +) > 0)
            for link in links { link.link.close() }
        }
        try await rig.stop()
    }
}

/// Two checks by one connection: the first and half of the second at once, the rest when the first is answered.
private final class CheckingLink: @unchecked Sendable {
    // SAFETY: used on the rig's loop.
    let link: FramedLink
    private(set) var answerCount = 0

    init(_ link: FramedLink) { self.link = link }

    func start(_ first: [UInt8], _ second: [UInt8]) {
        let frames = [first, second].map { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 }
        let half = frames[1].count / 2
        link.receive = { [unowned self] _ in
            answerCount += 1
            if answerCount == 1 { link.sendRaw(Array(frames[1][half...])) }
        }
        link.sendRaw(frames[0] + frames[1][..<half])
    }
}
