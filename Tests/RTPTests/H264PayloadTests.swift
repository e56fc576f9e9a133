import Codecs
import RTP
import TestSupport
import Testing

@Suite struct H264PayloadTests {
    private func unit(_ header: UInt8, _ count: Int) -> [UInt8] {
        [header] + (1..<max(1, count)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    }

    private func framed(_ units: [[UInt8]]) -> [UInt8] {
        units.flatMap { unit in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: unit.count >> $0) } + unit
        }
    }

    private func packetise(_ units: [[UInt8]], by packetiser: inout H264Packetiser) throws -> [[UInt8]] {
        var run = PayloadRun()
        try packetiser.packetise(framed(units).span, into: &run)
        return (0..<run.count).map { run[$0] }
    }

    private func packetise(_ units: [[UInt8]], maximum: Int = 100) throws -> [[UInt8]] {
        var packetiser = H264Packetiser(maximumPayloadByteCount: maximum)
        return try packetise(units, by: &packetiser)
    }

    private func depacketise(_ payloads: [[UInt8]]) throws(PayloadFailure) -> [UInt8] {
        var depacketiser = H264Depacketiser()
        for payload in payloads { try depacketiser.add(payload.span) }
        return try depacketiser.takeAccessUnit()
    }

    private func failure(_ payloads: [[UInt8]]) -> PayloadFailure? {
        do throws(PayloadFailure) {
            _ = try depacketise(payloads)
            return nil
        } catch {
            return error
        }
    }

    @Test func `sends a unit that fits as it is`() throws {
        let slice = unit(0x41, 100)
        #expect(try packetise([slice]) == [slice])
    }

    @Test func `cuts a large unit into fragments of one size and a shorter last one`() throws {
        let payloads = try packetise([unit(0x65, 301)])
        #expect(payloads.map(\.count) == [77, 77, 77, 77])
        let uneven = try packetise([unit(0x65, 400)])
        #expect(Set(uneven.dropLast().map(\.count)).count == 1)
        #expect(uneven.allSatisfy { $0.count <= 100 })
        #expect(uneven.map { Array($0.prefix(2)) }.first == [0x7c, 0x85])
        #expect(uneven.map { Array($0.prefix(2)) }.last == [0x7c, 0x45])
        #expect(uneven.dropFirst().dropLast().allSatisfy { Array($0.prefix(2)) == [0x7c, 0x05] })
    }

    @Test func `sends small units together`() throws {
        let payloads = try packetise([unit(0x06, 10), unit(0x41, 20), unit(0x01, 90)])
        #expect(payloads.count == 2)
        #expect(payloads[0] == [0x58, 0, 10] + unit(0x06, 10) + [0, 20] + unit(0x41, 20))
        #expect(payloads[1] == unit(0x01, 90))
    }

    @Test func `sends the parameter sets before every IDR picture that has none of its own`() throws {
        let sets = H264Configuration(
            sequenceParameterSets: [unit(0x67, 12)],
            pictureParameterSets: [unit(0x68, 4)]
        )
        var packetiser = H264Packetiser(maximumPayloadByteCount: 100)
        packetiser.use(sets)
        let together = [0x78, 0, 12] + unit(0x67, 12) + [0, 4] + unit(0x68, 4)
        #expect(try packetise([unit(0x65, 50)], by: &packetiser) == [together, unit(0x65, 50)])
        #expect(try packetise([unit(0x41, 50)], by: &packetiser) == [unit(0x41, 50)])
        let own = try packetise([unit(0x67, 13), unit(0x68, 5), unit(0x65, 99)], by: &packetiser)
        #expect(own == [[0x78, 0, 13] + unit(0x67, 13) + [0, 5] + unit(0x68, 5), unit(0x65, 99)])
    }

    @Test func `leaves out delimiters and filler`() throws {
        #expect(try packetise([[0x09, 0xf0], unit(0x41, 5), unit(0x0c, 50)]) == [unit(0x41, 5)])
    }

    @Test func `refuses an access unit whose lengths are wrong`() {
        var packetiser = H264Packetiser(maximumPayloadByteCount: 100)
        var run = PayloadRun()
        let broken: [UInt8] = [0, 0, 0, 9, 1]
        #expect(throws: PayloadFailure.malformed) {
            try packetiser.packetise(broken.span, into: &run)
        }
        #expect(run.isEmpty)
    }

    @Test func `puts single units, aggregates and fragments together`() throws {
        let payloads: [[UInt8]] = [
            [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2],
            [0x79, 0, 9, 0, 1, 0x06],
            [0x7c, 0x85, 1, 2], [0x7c, 0x05, 3], [0x7c, 0x45, 4],
            [0x7d, 0x85, 0, 9, 1], [0x7c, 0x45, 2],
            [0x41, 5],
        ]
        #expect(
            try depacketise(payloads)
                == framed([[0x67, 1], [0x68, 2], [0x06], [0x65, 1, 2, 3, 4], [0x65, 1, 2], [0x41, 5]])
        )
    }

    @Test func `refuses what cannot be put together`() {
        #expect(failure([[0x7c, 0x05, 1]]) == .fragmentWithoutStart)
        #expect(failure([[0x7c, 0x85, 1]]) == .fragmentNotEnded)
        #expect(failure([[0x7c, 0x85, 1], [0x41, 1]]) == .fragmentNotEnded)
        #expect(failure([[0x7c, 0x85, 1], [0x7c, 0x85, 1]]) == .fragmentNotEnded)
        #expect(failure([[0x7c, 0x85]]) == .truncated)
        #expect(failure([[0x78, 0, 9, 1]]) == .truncated)
        #expect(failure([[0x78, 0]]) == .truncated)
        #expect(failure([[0x79, 0]]) == .truncated)
        #expect(failure([[0x7a, 0, 0, 1]]) == .unsupported(26))
        #expect(failure([[0x5f]]) == .unsupported(31))
        #expect(failure([[]]) == nil)
    }

    @Test func `gives up an access unit that grows too large`() {
        var depacketiser = H264Depacketiser(maximumByteCount: 20)
        let slice = [UInt8](repeating: 0x41, count: 20)
        #expect(throws: PayloadFailure.tooLarge(byteCount: 24)) {
            try depacketiser.add(slice.span)
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `gives back every access unit it has cut`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let maximum = Int.random(in: 64...1400, using: &generator)
        let units = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
            unit(
                [0x41, 0x65, 0x06, 0x01, 0x67, 0x68].randomElement(using: &generator) ?? 1,
                Int.random(in: 1...5000, using: &generator)
            )
        }
        let payloads = try packetise(units, maximum: maximum)
        #expect(payloads.allSatisfy { $0.count <= maximum && !$0.isEmpty })
        #expect(try depacketise(payloads) == framed(units))
    }

    private func canBegin(_ payload: [UInt8]) -> Bool { H264Depacketiser().canBegin(with: payload.span) }

    @Test func `knows where an access unit can begin`() {
        #expect(canBegin([0x67, 1]))
        #expect(canBegin([0x65, 0x88]))
        #expect(!canBegin([0x41, 0x40]))
        #expect(canBegin([0x7c, 0x85, 0x88]))
        #expect(!canBegin([0x7c, 0x05, 0x88]))
        #expect(canBegin([0x78, 0, 2, 0x67, 1]))
        #expect(!canBegin([0x78]))
    }

    @Test func `passes Opus packets through whole`() throws {
        var run = PayloadRun()
        let packet: [UInt8] = [0xfc, 1, 2, 3]
        let isTaken = OpusPayload.packetise(packet.span, maximumByteCount: 100, into: &run)
        let isTooLarge = !OpusPayload.packetise(packet.span, maximumByteCount: 3, into: &run)
        let nothing: [UInt8] = []
        let isEmpty = !OpusPayload.packetise(nothing.span, maximumByteCount: 3, into: &run)
        #expect(isTaken && isTooLarge && isEmpty)
        #expect(run.count == 1)
        #expect(run[0] == packet)
        let duration = OpusPayload.duration(of: packet.span)
        #expect(duration == 960)
    }
}
