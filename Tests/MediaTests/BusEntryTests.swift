import Bytes
import Media
import TestSupport
import Testing

@Suite struct BusEntryTests {
    @Test func `an entry has the documented bytes`() {
        let expected = """
            01 08 0100 00000000 0700000000000000
            0100 0200 1900 03 04 05000000 a0bb0d0000000000 f6ffffff b80b0000 06000000 0700 0000
            0807060504030201 03000000 aabbcc
            """
        let hex = expected.filter { $0.isHexDigit }
        #expect(Hex.encode(sampleEntry.encoded()) == hex)
        #expect(sampleEntry.encodedByteCount == hex.count / 2)
    }

    @Test func `an entry comes back as it was`() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let entry = BusEntry.random(using: &random)
            #expect(try BusEntry(decoding: entry.encoded()) == entry)
        }
    }

    @Test func `every truncation is refused`() {
        let bytes = sampleEntry.encoded()
        for count in 0..<bytes.count {
            #expect(throws: BusEntry.Failure.truncated) { try BusEntry(decoding: Array(bytes[..<count])) }
        }
    }

    @Test func `other versions, absurd lengths and bytes too many are refused by name`() {
        var bytes = sampleEntry.encoded()
        #expect(throws: BusEntry.Failure.trailingBytes(1)) { try BusEntry(decoding: bytes + [0]) }
        bytes.replaceSubrange(60..<64, with: [0xff, 0xff, 0xff, 0x7f])
        #expect(throws: BusEntry.Failure.sampleTooLarge(0x7fff_ffff)) { try BusEntry(decoding: bytes) }
        bytes[0] = 2
        #expect(throws: BusEntry.Failure.unsupportedVersion(2)) { try BusEntry(decoding: bytes) }
    }

    @Test func `no damage traps the decoder`() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<5000 {
            var bytes = BusEntry.random(using: &random).encoded()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...min(bytes.count, 20), using: &random))
            _ = try? BusEntry(decoding: bytes)
        }
    }

    private let sampleEntry = BusEntry(
        flags: .tracksChanged,
        keyframeCounter: 7,
        samples: [
            BusSample(
                track: TrackID(rawValue: 1),
                generation: 2,
                flags: [.keyframe, .segmentStart, .partStart],
                temporalLayer: 3,
                spatialLayer: 4,
                sequence: 5,
                decodeTime: 900_000,
                compositionOffset: -10,
                duration: 3000,
                mediaSequence: 6,
                part: 7,
                captureClock: 0x0102_0304_0506_0708,
                payload: [0xaa, 0xbb, 0xcc]
            )
        ]
    )
}

extension BusEntry {
    fileprivate static func random(using random: inout SeededGenerator) -> BusEntry {
        BusEntry(
            flags: Flags(rawValue: random.next()),
            keyframeCounter: random.next(),
            samples: (0..<Int.random(in: 0...5, using: &random)).map { _ in
                BusSample(
                    track: TrackID(rawValue: random.next()),
                    generation: random.next(),
                    flags: BusSample.Flags(rawValue: random.next()),
                    temporalLayer: random.next(),
                    spatialLayer: random.next(),
                    sequence: random.next(),
                    decodeTime: Int64(bitPattern: random.next()),
                    compositionOffset: Int32(bitPattern: random.next()),
                    duration: random.next(),
                    mediaSequence: random.next(),
                    part: random.next(),
                    captureClock: random.next(),
                    payload: (0..<Int.random(in: 0...40, using: &random)).map { _ in random.next() }
                )
            }
        )
    }
}
