import Codecs
import Media
import RTP
import TestSupport
import Testing

@Suite struct PayloadTests {
    private func framed(_ units: [[UInt8]]) -> [UInt8] {
        units.flatMap { unit in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: unit.count >> $0) } + unit
        }
    }

    private func depacketise(_ payloads: [[UInt8]], _ codec: Codec) throws -> [UInt8] {
        let created = Depacketiser(codec)
        var depacketiser = try #require(created)
        for payload in payloads { try depacketiser.add(payload.span) }
        return try depacketiser.takeAccessUnit()
    }

    private func failure(_ payloads: [[UInt8]], _ codec: Codec) -> PayloadFailure? {
        do {
            _ = try depacketise(payloads, codec)
            return nil
        } catch {
            return error as? PayloadFailure
        }
    }

    // MARK: HEVC

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `gives back every HEVC access unit it has cut`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let maximum = Int.random(in: 64...1400, using: &generator)
        let units = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
            ([[0x02, 0x01], [0x26, 0x01], [0x4e, 0x01], [0x03, 0x0a]].randomElement(using: &generator) ?? [])
                + (0..<Int.random(in: 1...5000, using: &generator)).map { UInt8(truncatingIfNeeded: $0) }
        }
        var packetiser = HEVCPacketiser(maximumPayloadByteCount: maximum)
        var run = PayloadRun()
        try packetiser.packetise(framed(units).span, into: &run)
        let payloads = (0..<run.count).map { run[$0] }
        let longest = payloads.map(\.count).max() ?? 0
        #expect(longest <= maximum)
        #expect(try depacketise(payloads, .hevc) == framed(units))
    }

    @Test func `names fragments and aggregates of HEVC as RFC 7798 does`() throws {
        var packetiser = HEVCPacketiser(maximumPayloadByteCount: 100)
        packetiser.use(
            HEVCConfiguration(
                videoParameterSets: [[0x40, 1, 2]],
                sequenceParameterSets: [[0x42, 1, 3]],
                pictureParameterSets: [[0x44, 1, 4]]
            )
        )
        var run = PayloadRun()
        let slice: [UInt8] = [0x26, 0x01] + [UInt8](repeating: 9, count: 150)
        try packetiser.packetise(framed([[0x46, 1, 0x50], slice]).span, into: &run)
        #expect(run[0] == [0x60, 1, 0, 3, 0x40, 1, 2, 0, 3, 0x42, 1, 3, 0, 3, 0x44, 1, 4])
        #expect(Array(run[1].prefix(4)) == [0x62, 0x01, 0x93, 9])
        #expect(Array(run[2].prefix(4)) == [0x62, 0x01, 0x53, 9])
        #expect(run.count == 3)
    }

    @Test func `refuses HEVC that cannot be put together`() {
        #expect(failure([[0x62, 1, 0x13, 1]], .hevc) == .fragmentWithoutStart)
        #expect(failure([[0x62, 1, 0x93, 1]], .hevc) == .fragmentNotEnded)
        #expect(failure([[0x62, 1, 0x93]], .hevc) == .truncated)
        #expect(failure([[0x60, 1, 0, 9, 1]], .hevc) == .truncated)
        #expect(failure([[0x64, 1, 1]], .hevc) == .unsupported(50))
        #expect(failure([[0x02]], .hevc) == .truncated)
    }

    // MARK: VP8 and VP9

    @Test func `reads the VP8 descriptors of RFC 7741`() throws {
        // §4.6: the example with a picture ID of 17 and the first partition; then every field there is.
        let short: [UInt8] = [0x90, 0x80, 0x11, 1]
        let first = try VP8Descriptor(parsing: short.span)
        #expect(first.isFrameStart)
        #expect(first.pictureID == 17)
        #expect(first.byteCount == 3)
        let full: [UInt8] = [0xa2, 0xf0, 0x92, 0x34, 5, 0xc3]
        let all = try VP8Descriptor(parsing: full.span)
        #expect(all.isDiscardable && !all.isPartitionStart)
        #expect(all.partition == 2)
        #expect(all.pictureID == 0x1234)
        #expect(all.baseLayerIndex == 5)
        #expect(all.temporalLayer == 3)
        #expect(all.byteCount == 6)
    }

    @Test func `refuses VP8 that cannot be put together`() {
        #expect(failure([[0x00, 1]], .vp8) == .fragmentWithoutStart)
        #expect(failure([[0x10, 1], [0x10, 1]], .vp8) == .fragmentNotEnded)
        #expect(failure([[0x90, 0x80, 0x80]], .vp8) == .truncated)
        #expect(failure([[0x10]], .vp8) == .truncated)
        #expect(failure([[]], .vp8) == .truncated)
    }

    @Test func `cuts an empty frame into no packets`() {
        let empty: [UInt8] = []
        var run = PayloadRun()
        var first = VP8Packetiser(maximumPayloadByteCount: 100)
        first.packetise(empty.span, into: &run)
        var second = VP9Packetiser(maximumPayloadByteCount: 100)
        second.packetise(empty.span, isKeyframe: true, into: &run)
        #expect(run.isEmpty)
    }

    @Test func `reads VP9 descriptors of both modes, with structures`() throws {
        // Flexible with two references; not flexible with layers, sizes and a group of two pictures.
        let flexible: [UInt8] = [0xfc, 0x81, 0x02, 0x24, 0x03, 0x02, 9]
        let first = try VP9Descriptor(parsing: flexible.span)
        #expect(first.pictureID == 0x102)
        #expect(first.isPredicted && first.isFrameStart && first.isFrameEnd)
        #expect(first.temporalLayer == 1)
        #expect(first.spatialLayer == 2)
        #expect(first.byteCount == 6)
        let structured: [UInt8] = [0xaa, 0x05, 0x00, 0x07, 0x18, 1, 64, 0, 240, 2, 0x04, 1, 0x00, 9]
        let second = try VP9Descriptor(parsing: structured.span)
        #expect(second.pictureID == 5)
        #expect(second.byteCount == 13)
    }

    @Test func `leaves out spatial layers of VP9 above the lowest`() throws {
        let base: [UInt8] = [0x2c, 0x00, 0x01, 1, 2]
        let upper: [UInt8] = [0x2c, 0x02, 0x01, 3, 4]
        #expect(try depacketise([base, upper], .vp9) == [1, 2])
    }

    @Test func `refuses VP9 that cannot be put together`() {
        #expect(failure([[0x04, 1]], .vp9) == .fragmentWithoutStart)
        #expect(failure([[0x08, 1]], .vp9) == .fragmentNotEnded)
        #expect(failure([[0x0c]], .vp9) == .truncated)
        #expect(failure([[0x5c, 1, 1, 1, 1]], .vp9) == .malformed)
        #expect(failure([[0x0e, 0x10, 1]], .vp9) == .truncated)
        #expect(failure([[0x0e, 0x08, 2, 0x0c]], .vp9) == .truncated)
    }

    // MARK: AV1

    @Test func `reads AV1 elements with and without lengths`() throws {
        // Two elements of which the last has no length; the first goes on from nowhere in the next example.
        let two: [UInt8] = [0x28, 2, 0x08, 0xaa, 0x30, 0xbb, 0xcc]
        #expect(try depacketise([two], .av1) == [0x0a, 1, 0xaa, 0x32, 2, 0xbb, 0xcc])
        let counted: [UInt8] = [0x00, 2, 0x08, 0xaa, 2, 0x30, 0xbb]
        #expect(try depacketise([counted], .av1) == [0x0a, 1, 0xaa, 0x32, 1, 0xbb])
        let parts: [[UInt8]] = [[0x50, 0x30, 0xbb], [0xd0, 0xcc], [0x90, 0xdd]]
        #expect(try depacketise(parts, .av1) == [0x32, 3, 0xbb, 0xcc, 0xdd])
        let extended: [UInt8] = [0x10, 0x34, 0x20, 0xbb]
        #expect(try depacketise([extended], .av1) == [0x36, 0x20, 1, 0xbb])
        let sized: [UInt8] = [0x20, 1, 0x10, 0x32, 1, 0xbb]
        #expect(try depacketise([sized], .av1) == [0x32, 1, 0xbb])
    }

    @Test func `refuses AV1 that cannot be put together`() {
        #expect(failure([[0x90, 1]], .av1) == .fragmentWithoutStart)
        #expect(failure([[0x50, 1]], .av1) == .fragmentNotEnded)
        #expect(failure([[0x50, 1], [0x10, 1]], .av1) == .fragmentNotEnded)
        #expect(failure([[0x00, 9, 1]], .av1) == .truncated)
        #expect(failure([[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]], .av1) == .malformed)
        #expect(failure([[0x10, 0x80]], .av1) == .malformed)
        #expect(failure([[0x10, 0x04]], .av1) == .truncated)
        #expect(failure([[0x10]], .av1) == .truncated)
    }
}
