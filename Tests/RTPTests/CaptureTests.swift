import Bytes
import Codecs
import Media
import RTP
import TestSupport
import Testing

/// What real senders have sent, byte for byte; where each capture comes from is in `Fixtures/INDEX.md`.
@Suite struct CaptureTests {
    /// The packets of a capture, each behind its length in two bytes.
    private static func packets(of name: String) throws -> [[UInt8]] {
        let bytes = try Fixtures.bytes("RTP/\(name).rtp")
        var reader = ByteReader(bytes.span)
        var packets: [[UInt8]] = []
        while !reader.isAtEnd {
            let count = Int(try reader.read(UInt16.self))
            packets.append(try reader.takeArray(count))
        }
        return packets
    }

    private func units(of name: String, _ codec: Codec) throws -> [AccessUnit] {
        let created = AccessUnitAssembler(codec)
        var assembler = try #require(created)
        var receiver = PacketReceiver(clockRate: codec.isVideo ? 90_000 : 48_000)
        var units: [AccessUnit] = []
        for bytes in try Self.packets(of: name) {
            let packet = try RTPPacket(parsing: bytes.span)
            receiver.receive(packet.header, payload: packet.payload(in: bytes.span), now: 0)
            while let delivery = receiver.next(now: 0) { assembler.add(delivery) }
            while let unit = assembler.next() { units.append(unit) }
        }
        #expect(assembler.brokenCount == 0)
        #expect(receiver.statistics.lostCount == 0)
        return units
    }

    /// The slices of an elementary stream; senders repeat or leave out what else there is.
    private func sourceSlices(_ name: String, _ codec: Codec) throws -> [[UInt8]] {
        let bytes = try Fixtures.bytes("RTP/\(name)")
        var units: [[UInt8]] = []
        try NALUnits.forEach(annexB: bytes.span) { units.append([UInt8](copying: $0)) }
        return units.filter { codec == .hevc ? $0[0] >> 1 < 32 : $0[0] & 31 < 6 }
    }

    private func slices(_ units: [AccessUnit], _ codec: Codec) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        for unit in units {
            try NALUnits.forEach(lengthPrefixed: unit.payload.span, lengthSize: 4) {
                // ffmpeg takes the zero of the next start code along.
                let zeros = [UInt8](copying: $0).reversed().prefix { $0 == 0 }.count
                found.append([UInt8](copying: $0.extracting(droppingLast: zeros)))
            }
        }
        return found.filter { codec == .hevc ? $0[0] >> 1 < 32 : $0[0] & 31 < 6 }
    }

    /// The frames of an IVF file.
    private func frames(_ name: String) throws -> [[UInt8]] {
        let bytes = try Fixtures.bytes("RTP/\(name)")
        var reader = ByteReader(bytes.span)
        try reader.skip(32)
        var frames: [[UInt8]] = []
        while !reader.isAtEnd {
            let count = Int(try reader.readLittleEndian(UInt32.self))
            try reader.skip(8)
            frames.append(try reader.takeArray(count))
        }
        return frames
    }

    @Test(arguments: ["ffmpeg-h264", "gstreamer-h264", "aiortc-h264"])
    func `puts H.264 together as it was before`(capture: String) throws {
        let units = try units(of: capture, .h264)
        #expect(units.count == 15)
        #expect(units.map(\.isKeyframe) == (0..<15).map { $0 % 8 == 0 })
        #expect(units.map(\.changesParameterSets) == (0..<15).map { $0 == 0 })
        #expect(try slices(units, .h264) == sourceSlices("source.h264", .h264))
        // GStreamer was given a file without times.
        let step: Int64 = capture == "gstreamer-h264" ? 0 : 6000
        let steps = zip(units, units.dropFirst()).map { $1.timestamp - $0.timestamp }
        #expect(steps == Array(repeating: step, count: 14))
    }

    @Test(arguments: ["ffmpeg-hevc", "gstreamer-hevc"])
    func `puts HEVC together as it was before`(capture: String) throws {
        let units = try units(of: capture, .hevc)
        #expect(units.count == 15)
        #expect(units.map(\.isKeyframe) == (0..<15).map { $0 % 8 == 0 })
        #expect(units.map(\.changesParameterSets) == (0..<15).map { $0 == 0 })
        #expect(try slices(units, .hevc) == sourceSlices("source.hevc", .hevc))
    }

    @Test(arguments: ["ffmpeg-vp8", "gstreamer-vp8"])
    func `puts VP8 together as it was before`(capture: String) throws {
        let units = try units(of: capture, .vp8)
        #expect(try units.map(\.payload) == frames("source-vp8.ivf"))
        #expect(units.map(\.isKeyframe) == (0..<15).map { $0 % 8 == 0 })
    }

    @Test(arguments: ["ffmpeg-vp9", "gstreamer-vp9"])
    func `puts VP9 together as it was before`(capture: String) throws {
        let units = try units(of: capture, .vp9)
        #expect(try units.map(\.payload) == frames("source-vp9.ivf"))
        #expect(units.map(\.isKeyframe) == (0..<15).map { $0 % 8 == 0 })
    }

    @Test func `puts AV1 together as it was before`() throws {
        let units = try units(of: "pyav-av1", .av1)
        let source = try frames("source-av1.ivf").map { try AV1AccessUnit(temporalUnit: $0) }
        #expect(units.map(\.payload) == source.map(\.payload))
        #expect(units.map(\.isKeyframe) == source.map(\.isKeyframe))
        #expect(units.map(\.changesParameterSets) == source.indices.map { $0 == 0 })
    }

    @Test func `takes Opus packets as they are`() throws {
        let units = try units(of: "ffmpeg-opus", .opus)
        #expect(units.count == 26)
        for unit in units { #expect(OpusPacket.sampleCount(of: unit.payload) == 960) }
    }

    @Test(arguments: [
        ("source-vp8.ivf", Codec.vp8), ("source-vp9.ivf", .vp9), ("source-av1.ivf", .av1),
    ])
    func `gives back frames it has cut`(source: String, codec: Codec) throws {
        let configuration = TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: codec,
            timescale: 90_000,
            decoderConfiguration: [],
            codecString: "",
            kind: .video(.init(width: 160, height: 96))
        )
        for maximum in [64, 129, 130, 131, 400, 1200] {
            let made = Packetiser(configuration, maximumPayloadByteCount: maximum)
            let depacketising = Depacketiser(codec)
            var packetiser = try #require(made)
            var depacketiser = try #require(depacketising)
            for (index, frame) in try frames(source).enumerated() {
                let sample = codec == .av1 ? try AV1AccessUnit(temporalUnit: frame).payload : frame
                var run = PayloadRun()
                try packetiser.packetise(sample.span, isKeyframe: index % 8 == 0, into: &run)
                for part in 0..<run.count {
                    #expect(run[part].count <= maximum)
                    let canBegin = depacketiser.canBegin(with: run[part].span)
                    #expect(canBegin == (part == 0))
                    try depacketiser.add(run[part].span)
                }
                #expect(try depacketiser.takeAccessUnit() == sample)
            }
        }
    }
}
