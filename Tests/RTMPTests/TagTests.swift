import RTMP
import Testing

@Suite struct TagTests {
    private func frame(
        key: Bool = true,
        time: Int32 = 0,
        nanoseconds: UInt32 = 0,
        _ payload: [UInt8]
    ) -> MediaPacket.Content {
        var frame = MediaPacket.Frame(isKeyframe: key, payload: payload[...])
        frame.compositionTime = time
        frame.nanosecondOffset = nanoseconds
        return .coded(frame)
    }

    private func failure(_ body: () throws(TagFailure) -> [MediaPacket]) -> TagFailure? {
        do throws(TagFailure) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    private func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: Legacy

    @Test func `reads legacy H.264`() throws {
        #expect(
            try VideoTag.packets(in: [0x17, 0, 0, 0, 0, 1, 100, 0])
                == [MediaPacket(codec: .avc, content: .sequenceStart([1, 100, 0]))]
        )
        #expect(
            try VideoTag.packets(in: [0x17, 1, 0, 0, 80, 9])
                == [MediaPacket(codec: .avc, content: frame(time: 80, [9]))]
        )
        #expect(
            try VideoTag.packets(in: [0x27, 1, 0xff, 0xff, 0xd8, 9])
                == [MediaPacket(codec: .avc, content: frame(key: false, time: -40, [9]))]
        )
        #expect(
            try VideoTag.packets(in: [0x17, 2, 0, 0, 0])
                == [MediaPacket(codec: .avc, content: .sequenceEnd)]
        )
        #expect(
            try VideoTag.packets(in: [0x17, 2]) == [MediaPacket(codec: .avc, content: .sequenceEnd)]
        )
    }

    @Test func `knows pictures that nothing references`() throws {
        let packet = try VideoTag.packets(in: [0x37, 1, 0, 0, 0, 9]).first
        guard case .coded(let frame) = packet?.content else { return #expect(Bool(false)) }
        #expect(frame.isDisposable && !frame.isKeyframe)
    }

    @Test func `takes HEVC under the number that encoders gave it`() throws {
        #expect(
            try VideoTag.packets(in: [0x1c, 1, 0, 0, 0, 9])
                == [MediaPacket(codec: .hevc, content: frame([9]))]
        )
    }

    @Test(
        arguments: [
            ([0x17, 0, 0, 0, 0], .empty), ([0x17, 1, 0, 0, 0], .empty), ([0x57, 0], .command),
            ([0x17, 9, 0, 0, 0], .packetType(9)),
        ] as [([UInt8], MediaPacket.Reason)]
    )
    func `overlooks what says nothing`(body: [UInt8], reason: MediaPacket.Reason) throws {
        #expect(
            try VideoTag.packets(in: body) == [MediaPacket(codec: .avc, content: .ignored(reason))]
        )
    }

    @Test func `names legacy codecs that no browser plays`() throws {
        let video = MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.legacyCodec(2)))
        let audio = MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.legacyCodec(11)))
        #expect(try VideoTag.packets(in: [0x12, 1, 2]) == [video])
        #expect(try AudioTag.packets(in: [0xb2, 1, 2]) == [audio])
    }

    @Test func `reads legacy sound`() throws {
        #expect(
            try AudioTag.packets(in: [0xaf, 0, 0x12, 0x10])
                == [MediaPacket(codec: .aac, content: .sequenceStart([0x12, 0x10]))]
        )
        #expect(
            try AudioTag.packets(in: [0xaf, 1, 7]) == [MediaPacket(codec: .aac, content: frame([7]))]
        )
        #expect(
            try AudioTag.packets(in: [0x2f, 0xff, 0xfb])
                == [MediaPacket(codec: .mp3, content: frame([0xff, 0xfb]))]
        )
        #expect(
            try AudioTag.packets(in: [0x70, 1]) == [MediaPacket(codec: .aLaw, content: frame([1]))]
        )
        #expect(
            try AudioTag.packets(in: [0x80, 1]) == [MediaPacket(codec: .muLaw, content: frame([1]))]
        )
    }

    @Test func `an empty message holds no packets and an empty frame no bytes`() throws {
        #expect(try VideoTag.packets(in: []).isEmpty)
        #expect(try AudioTag.packets(in: []).isEmpty)
        for body in [[0xaf], [0xaf, 1], [0xaf, 0]] as [[UInt8]] {
            #expect(
                try AudioTag.packets(in: body) == [MediaPacket(codec: .aac, content: .ignored(.empty))]
            )
        }
    }

    // MARK: Enhanced video

    @Test(arguments: ["hvc1", "av01", "vp09", "avc1", "vp08", "vvc1"])
    func `reads a sequence start of every codec`(fourCC: String) throws {
        let packets = try VideoTag.packets(in: [0x90] + ascii(fourCC) + [1, 2])
        #expect(packets.first?.codec.description == fourCC)
        #expect(packets.first?.content == .sequenceStart([1, 2]))
    }

    @Test func `only H.264, HEVC and VVC frames carry a composition time`() throws {
        for fourCC in ["hvc1", "avc1", "vvc1"] {
            let packets = try VideoTag.packets(in: [0xa1] + ascii(fourCC) + [0xff, 0xff, 0xff, 5])
            #expect(packets.first?.content == frame(key: false, time: -1, [5]))
        }
        for fourCC in ["av01", "vp09"] {
            let packets = try VideoTag.packets(in: [0x91] + ascii(fourCC) + [0xff, 0xff, 0xff, 5])
            #expect(packets.first?.content == frame([0xff, 0xff, 0xff, 5]))
        }
        let packets = try VideoTag.packets(in: [0x93] + ascii("hvc1") + [0xff, 5])
        #expect(packets == [MediaPacket(codec: .hevc, content: frame([0xff, 5]))])
    }

    @Test func `reads the end of a sequence, colours and packets for other carriers`() throws {
        #expect(
            try VideoTag.packets(in: [0x92] + ascii("av01"))
                == [MediaPacket(codec: .av1, content: .sequenceEnd)]
        )
        let values: [AMF0Value] = [
            .string("colorInfo"),
            .object([AMF0Property("hdrCll", .object([AMF0Property("maxFall", .number(4))]))]),
        ]
        #expect(
            try VideoTag.packets(in: [0xd4] + ascii("hvc1") + AMF0Encoder.encode(values))
                == [MediaPacket(codec: .hevc, content: .metadata(values))]
        )
        #expect(
            try VideoTag.packets(in: [0x95] + ascii("av01") + [1])
                == [MediaPacket(codec: .av1, content: .ignored(.packetType(5)))]
        )
        #expect(
            try VideoTag.packets(in: [0xd1, 0])
                == [MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.command))]
        )
    }

    @Test func `adds nanoseconds and skips modifiers that are unknown`() throws {
        // ModEx of 3 bytes, type 0 (nanoseconds), then ModEx of 2 bytes, type 5, then coded frames.
        let modifiers: [UInt8] = [0x97, 2, 0x00, 0x30, 0x39, 0x07, 1, 0xaa, 0xbb, 0x51]
        let packets = try VideoTag.packets(in: modifiers + ascii("av01") + [9])
        #expect(packets == [MediaPacket(codec: .av1, content: frame(nanoseconds: 12_345, [9]))])
    }

    @Test func `reads a modifier of more than 255 bytes`() throws {
        let modifier: [UInt8] = [0x97, 255, 0x01, 0x2b] + [UInt8](repeating: 0, count: 300) + [0x51]
        let packets = try VideoTag.packets(in: modifier + ascii("av01") + [9])
        #expect(packets == [MediaPacket(codec: .av1, content: frame([9]))])
    }

    @Test func `reads one track, many tracks and many codecs`() throws {
        let one = try VideoTag.packets(in: [0x96, 0x01] + ascii("avc1") + [2, 0, 0, 10, 9])
        #expect(one == [MediaPacket(trackID: 2, codec: .avc, content: frame(time: 10, [9]))])

        let many = try VideoTag.packets(
            in: [0x96, 0x10] + ascii("hvc1") + [0, 0, 0, 2, 7, 8] + [1, 0, 0, 1, 6]
        )
        #expect(
            many == [
                MediaPacket(trackID: 0, codec: .hevc, content: .sequenceStart([7, 8])),
                MediaPacket(trackID: 1, codec: .hevc, content: .sequenceStart([6])),
            ]
        )

        let mixed = try VideoTag.packets(
            in: [0xa6, 0x23] + ascii("hvc1") + [0, 0, 0, 1, 7] + ascii("av01") + [3, 0, 0, 2, 8, 9]
        )
        #expect(
            mixed == [
                MediaPacket(trackID: 0, codec: .hevc, content: frame(key: false, [7])),
                MediaPacket(trackID: 3, codec: .av1, content: frame(key: false, [8, 9])),
            ]
        )
    }

    // MARK: Enhanced sound

    @Test(arguments: ["Opus", "fLaC", "ac-3", "ec-3", ".mp3", "mp4a"])
    func `reads sound of every codec`(fourCC: String) throws {
        let start = try AudioTag.packets(in: [0x90] + ascii(fourCC) + [1])
        let coded = try AudioTag.packets(in: [0x91] + ascii(fourCC) + [2])
        let end = try AudioTag.packets(in: [0x92] + ascii(fourCC))
        #expect(start.first?.codec.description == fourCC)
        #expect((start + coded + end).map(\.content) == [.sequenceStart([1]), frame([2]), .sequenceEnd])
    }

    @Test func `reads channel layouts and many tracks of sound`() throws {
        let native = try AudioTag.packets(in: [0x94] + ascii("Opus") + [1, 6, 0, 0, 6, 0x0f])
        #expect(native.first?.content == .channels(.native(count: 6, mask: 0x60f)))
        let custom = try AudioTag.packets(in: [0x94] + ascii("Opus") + [2, 2, 1, 0])
        #expect(custom.first?.content == .channels(.custom([1, 0])))
        let plain = try AudioTag.packets(in: [0x94] + ascii("Opus") + [0, 2])
        #expect(plain.first?.content == .channels(.unspecified(count: 2)))
        let many = try AudioTag.packets(
            in: [0x95, 0x21] + ascii("mp4a") + [0, 0, 0, 1, 7] + ascii("Opus") + [1, 0, 0, 0]
        )
        #expect(
            many == [
                MediaPacket(trackID: 0, codec: .aac, content: frame([7])),
                MediaPacket(trackID: 1, codec: .opus, content: .ignored(.empty)),
            ]
        )
    }

    // MARK: Bad input

    @Test(
        arguments: [
            [0x17], [0x17, 1, 0, 0], [0x90, 0x61], [0x97], [0x97, 5, 1], [0x97, 255, 0xff, 0xff, 1],
            [0x97, 0, 0], [0x96], [0x96, 0x01, 0x61], [0x96, 0x11, 0x61, 0x61, 0x61, 0x61, 0, 0, 0, 9, 1],
            [0x91, 0x68, 0x76, 0x63, 0x31, 0, 0],
        ] as [[UInt8]]
    )
    func `names a truncated tag`(body: [UInt8]) {
        #expect(failure { () throws(TagFailure) in try VideoTag.packets(in: body) } == .truncated)
    }

    @Test func `refuses tracks within tracks and more than it can hold`() {
        let nested: [UInt8] = [0x96, 0x06]
        let unknown: [UInt8] = [0x95, 0x51]
        let crowd = [0x96, 0x13] + ascii("av01") + [UInt8](repeating: 0, count: 65 * 4)
        #expect(
            failure { () throws(TagFailure) in try VideoTag.packets(in: nested) } == .invalidMultitrack(6)
        )
        #expect(
            failure { () throws(TagFailure) in try AudioTag.packets(in: unknown) }
                == .invalidMultitrack(0x51)
        )
        #expect(failure { () throws(TagFailure) in try VideoTag.packets(in: crowd) } == .tooManyTracks)
    }

    @Test func `follows a clock over its wrap and backwards`() {
        var unwrapper = TimestampUnwrapper()
        let times = [0xffff_fff0, 0x10, 0xffff_fff8, 0x20].map { unwrapper.unwrap($0) }
        #expect(times == [0xffff_fff0, 0x1_0000_0010, 0xffff_fff8, 0x1_0000_0020])
    }
}
