import Bytes
import ISOBMFF
import Testing

@Suite struct MovieFragmentTests {
    let fragment = MovieFragment(
        sequence: 7,
        trackID: 1,
        decodeTime: 900_000,
        samples: [
            .init(byteCount: 3, duration: 3000, compositionOffset: 6000, flags: .keyframe),
            .init(byteCount: 2, duration: 3000, compositionOffset: -3000, flags: .disposable),
        ]
    )

    func chunk() -> [UInt8] {
        var writer = ByteWriter()
        fragment.writeHead(to: &writer)
        writer.write(contentsOf: [1, 2, 3, 4, 5])
        return writer.bytes
    }

    @Test func `writes the bytes of ISO/IEC 14496-12`() {
        let expected = """
            00000078 6d6f6f66
            00000010 6d666864 00000000 00000007
            00000060 74726166
            00000010 74666864 00020000 00000001
            00000014 74666474 01000000 00000000 000dbba0
            00000034 7472756e 01000f01 00000002 00000080
            00000bb8 00000003 02000000 00001770
            00000bb8 00000002 01810000 fffff448
            0000000d 6d646174 0102030405
            """
        let digits = expected.filter { !$0.isWhitespace }
        #expect(Hex.encode(chunk()) == digits)
    }

    @Test func `knows the length of its head from the number of samples`() {
        var writer = ByteWriter()
        fragment.writeHead(to: &writer)
        #expect(writer.count == MovieFragment.headByteCount(sampleCount: 2))
        #expect(fragment.payloadByteCount == 5)
        #expect(fragment.duration == 6000)
    }

    @Test func `is read back as it was written`() throws {
        let bytes = chunk() + chunk()
        let chunks = try FragmentParser.chunks(of: bytes.span)
        #expect(chunks.map(\.fragment) == [fragment, fragment])
        #expect(chunks.map(\.offset) == [0, chunk().count])
        #expect(chunks.map(\.payloadOffset) == [128, 128 + chunk().count])
    }

    @Test func `a chunk cut anywhere is refused or empty`() {
        let bytes = chunk()
        for count in 0..<bytes.count {
            let cut = Array(bytes[..<count])
            let chunks = try? FragmentParser.chunks(of: cut.span)
            #expect(chunks == nil || chunks == [])
        }
    }

    @Test func `no flipped byte traps`() {
        let bytes = chunk()
        for index in bytes.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                var flipped = bytes
                flipped[index] = value
                _ = try? FragmentParser.chunks(of: flipped.span)
            }
        }
    }

    @Test func `a sample count beyond the limit is refused before anything is reserved`() {
        var bytes = chunk()
        bytes.replaceSubrange(80..<84, with: [0xff, 0xff, 0xff, 0xff])
        #expect(throws: BoxFailure.tooMany("trun", 0xffff_ffff)) {
            try FragmentParser.chunks(of: bytes.span)
        }
    }

    @Test func `a box smaller than its header is refused`() {
        let bytes: [UInt8] = [0, 0, 0, 4, 0x6d, 0x6f, 0x6f, 0x66]
        #expect(throws: BoxFailure.malformedSize(type: "moof", byteCount: 4)) {
            try FragmentParser.chunks(of: bytes.span)
        }
    }
}
