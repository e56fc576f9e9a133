import Codecs
import Media
import RTP
import TestSupport
import Testing

/// Media go through a link that loses, delays, repeats and reorders packets, on a clock that a seed rules.
@Suite struct LossyLinkTests {
    private struct Link {
        var generator: SeededGenerator
        var loss: Double
        var jitter: UInt64
        var repeats: Double
        var queue: [(time: UInt64, header: RTPHeader, payload: [UInt8], isRetransmission: Bool)] = []

        mutating func send(
            _ header: RTPHeader,
            _ payload: [UInt8],
            isRetransmission: Bool = false,
            now: UInt64
        ) {
            if Double.random(in: 0..<1, using: &generator) < loss { return }
            let copies = Double.random(in: 0..<1, using: &generator) < repeats ? 2 : 1
            for _ in 0..<copies {
                let delay = 5_000_000 + UInt64.random(in: 0...jitter, using: &generator)
                queue.append((now + delay, header, payload, isRetransmission))
            }
        }

        mutating func take(now: UInt64) -> [(RTPHeader, [UInt8], Bool, UInt64)] {
            let due = queue.filter { $0.time <= now }.sorted { $0.time < $1.time }
            queue.removeAll { $0.time <= now }
            return due.map { ($0.header, $0.payload, $0.isRetransmission, $0.time) }
        }
    }

    private func accessUnit(_ index: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        let units = (0..<Int.random(in: 1...3, using: &generator)).map { unit -> [UInt8] in
            let header: UInt8 = index % 10 == 0 ? 0x65 : 0x41
            let count = Int.random(in: 3...4000, using: &generator)
            return [header, unit == 0 ? 0x88 : 0x48]
                + (2..<count).map { UInt8(truncatingIfNeeded: $0 &+ index) }
        }
        return units.flatMap { unit in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: unit.count >> $0) } + unit
        }
    }

    private func run(
        seed: UInt64,
        loss: Double,
        jitter: UInt64
    ) throws -> (sent: [[UInt8]], got: [AccessUnit]) {
        var generator = SeededGenerator(seed: seed)
        var link = Link(generator: SeededGenerator(seed: seed ^ 99), loss: loss, jitter: 0, repeats: 0.02)
        var packetiser = H264Packetiser(maximumPayloadByteCount: 1100)
        var receiver = PacketReceiver(clockRate: 90_000)
        receiver.roundTrip = 20_000_000
        let created = AccessUnitAssembler(.h264)
        var assembler = try #require(created)
        var history: [UInt16: (RTPHeader, [UInt8])] = [:]
        var sent: [[UInt8]] = []
        var got: [AccessUnit] = []
        var number: UInt16 = 65_500
        let start: UInt64 = 1_000_000_000
        // Two milliseconds a step, one access unit in 17 steps, then as long as a lost packet is waited for.
        for step in 0..<17 * 60 + 250 {
            let now = start + UInt64(step) * 2_000_000
            // What comes before the first packet to arrive is not waited for.
            link.jitter = step == 0 ? 0 : jitter
            if step % 17 == 0, step < 17 * 60 {
                let unit = accessUnit(step / 17, &generator)
                sent.append(unit)
                var run = PayloadRun()
                try packetiser.packetise(unit.span, into: &run)
                for index in 0..<run.count {
                    let header = RTPHeader(
                        hasMarker: index == run.count - 1,
                        payloadType: 96,
                        sequenceNumber: number,
                        timestamp: 0xffff_f000 &+ UInt32(step) * 180,
                        ssrc: 1
                    )
                    history[number] = (header, run[index])
                    link.send(header, run[index], now: now)
                    number &+= 1
                }
            }
            for (header, payload, isRetransmission, time) in link.take(now: now) {
                receiver.receive(header, payload: payload.span, isRetransmission: isRetransmission, now: time)
            }
            for number in receiver.takeRequests(now: now) {
                guard let (header, payload) = history[number] else { continue }
                link.send(header, payload, isRetransmission: true, now: now + 5_000_000)
            }
            while let delivery = receiver.next(now: now) { assembler.add(delivery) }
            while let unit = assembler.next() { got.append(unit) }
        }
        #expect(receiver.deadline == nil)
        return (sent, got)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `every access unit comes whole through jitter and repeated packets`(seed: UInt64) throws {
        let (sent, got) = try run(seed: seed, loss: 0, jitter: 15_000_000)
        let order = got.compactMap { unit in sent.firstIndex(of: unit.payload) }
        #expect(order == Array(sent.indices))
        let lossCount = got.count { $0.followsLoss }
        #expect(lossCount == 0)
        #expect(got.map(\.isKeyframe) == sent.indices.map { $0 % 10 == 0 })
        let steps = Set(zip(got, got.dropFirst()).map { $1.timestamp - $0.timestamp })
        let expected: Set<Int64> = [17 * 180]
        #expect(steps == expected)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `retransmission brings all but a few through five percent of loss`(seed: UInt64) throws {
        let (sent, got) = try run(seed: seed, loss: 0.05, jitter: 8_000_000)
        #expect(got.count >= 58)
        #expect(Set(got.map(\.payload)).isSubset(of: Set(sent)))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `a unit that a packet was lost of never comes out, and the next one tells`(seed: UInt64) throws {
        let (sent, got) = try run(seed: seed, loss: 0.6, jitter: 30_000_000)
        let order = got.compactMap { unit in sent.firstIndex(of: unit.payload) }
        #expect(order.count == got.count)
        #expect(order == order.sorted())
        for (previous, next) in zip(order.indices, order.indices.dropFirst())
        where order[next] != order[previous] + 1 {
            let follows = got[next].followsLoss
            #expect(follows, "unit \(order[next]) after \(order[previous])")
        }
    }
}
