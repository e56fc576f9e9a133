import Codecs
import Media
import Testing

struct HEVCTests {
    @Test func `a Main stream of x265 tells size, rate and codec string`() throws {
        let configuration = try HEVCConfiguration(record: RealBytes.hevc)
        let track = try configuration.trackConfiguration(track: TrackID(rawValue: 0), generation: 1)
        #expect(track.codecString == "hvc1.1.6.L93.90")
        #expect(track.video == .init(width: 1280, height: 720, frameRate: 30))
        #expect(configuration.isComplete)
    }

    @Test func `Main 10 is told apart`() throws {
        let parameters = try HEVCConfiguration(record: RealBytes.hevcMain10).sequenceParameters()
        #expect(parameters.profileTierLevel.codecString == "hvc1.2.4.L120.90")
        #expect(parameters.lumaBitDepth == 10)
        #expect((parameters.width, parameters.height) == (1920, 1080))
    }

    @Test func `the record that is written reads back the same`() throws {
        let configuration = try HEVCConfiguration(record: RealBytes.hevc)
        let again = try HEVCConfiguration(record: configuration.record())
        #expect(again == configuration)
        #expect(
            try configuration.record()[1...12].elementsEqual([1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x5d])
        )
    }

    @Test func `every prefix of a record either parses or fails`() {
        for count in 0..<RealBytes.hevc.count {
            let prefix = Array(RealBytes.hevc.prefix(count))
            _ = try? HEVCConfiguration(record: prefix).record()
        }
    }

    @Test func `random access and temporal layers are seen`() throws {
        let random: [UInt8] = [0, 0, 0, 4, 0x2a, 0x01, 0xaf, 0x1d]
        #expect(try HEVCAccessUnit(lengthPrefixed: random, lengthSize: 4).isRandomAccess)
        let leaf: [UInt8] = [0, 0, 0, 3, 0x00, 0x03, 0xd0]
        let unit = try HEVCAccessUnit(lengthPrefixed: leaf, lengthSize: 4)
        #expect(unit.isSubLayerNonReference)
        #expect(unit.temporalLayer == 2)
        #expect(!unit.isRandomAccess)
    }

    @Test func `parameter sets leave the sample`() throws {
        let bytes: [UInt8] = [0, 0, 0, 3, 0x40, 1, 9, 0, 0, 0, 3, 0x42, 1, 8, 0, 0, 0, 3, 0x26, 1, 7]
        let unit = try HEVCAccessUnit(lengthPrefixed: bytes, lengthSize: 4)
        #expect(unit.videoParameterSets == [[0x40, 1, 9]])
        #expect(unit.sequenceParameterSets == [[0x42, 1, 8]])
        #expect(unit.payload == [0, 0, 0, 3, 0x26, 1, 7])
    }
}

struct AV1Tests {
    @Test func `the record of libaom tells size and codec string, and is written the same`() throws {
        let configuration = try AV1Configuration(record: RealBytes.av1)
        let track = try configuration.trackConfiguration(track: TrackID(rawValue: 0), generation: 1)
        #expect(track.codecString == "av01.0.01M.08")
        #expect(track.video == .init(width: 640, height: 360))
        #expect(configuration.record() == RealBytes.av1)
    }

    @Test func `ten bits of SVT are read`() throws {
        let configuration = try AV1Configuration(record: RealBytes.av1TenBits)
        #expect(configuration.sequenceHeader?.codecString == "av01.0.05M.10")
        #expect(configuration.record() == RealBytes.av1TenBits)
    }

    @Test func `a temporal unit loses its delimiter and shows its key frame`() throws {
        let unit = try AV1AccessUnit(temporalUnit: RealBytes.av1TemporalUnit)
        #expect(unit.isKeyframe)
        #expect(unit.payload == Array(RealBytes.av1TemporalUnit.dropFirst(2)))
        #expect(unit.sequenceHeaderUnit == Array(RealBytes.av1[4...]))
    }

    @Test func `a unit without size gets one`() throws {
        let bytes: [UInt8] = [0x30, 0x10, 0xaa]
        let unit = try AV1AccessUnit(temporalUnit: bytes)
        #expect(unit.isKeyframe)
        #expect(unit.payload == [0x32, 2, 0x10, 0xaa])
    }

    @Test func `a size beyond the end is a failure`() {
        let bytes: [UInt8] = [0x32, 9, 0]
        #expect(throws: CodecFailure.truncated) { try AV1AccessUnit(temporalUnit: bytes) }
        let endless: [UInt8] = [0x32] + Array(repeating: 0xff, count: 12)
        #expect(throws: CodecFailure.self) { try AV1AccessUnit(temporalUnit: endless) }
    }
}

struct VPTests {
    @Test func `the box of ffmpeg is read and written the same`() throws {
        let configuration = try VPConfiguration(record: RealBytes.vp9)
        #expect(configuration.record == RealBytes.vp9)
        let bare = Array(RealBytes.vp9.dropFirst(4))
        #expect(try VPConfiguration(record: bare) == configuration)
    }

    @Test func `a keyframe tells its size and makes the configuration`() throws {
        let header = try #require(try VP9KeyframeHeader(frame: RealBytes.vp9Keyframe))
        #expect((header.width, header.height) == (640, 360))
        let track = VPConfiguration(keyframe: header).trackConfiguration(
            codec: .vp9,
            width: header.width,
            height: header.height,
            track: TrackID(rawValue: 0),
            generation: 1
        )
        #expect(track.codecString == "vp09.00.21.08")
        #expect(track.video == .init(width: 640, height: 360))
    }

    @Test func `an inter frame is no keyframe`() throws {
        #expect(try VP9KeyframeHeader(frame: ([0x86, 0, 0] as [UInt8])) == nil)
        #expect(try VP8KeyframeHeader(frame: ([0x71, 0, 0] as [UInt8])) == nil)
    }

    @Test func `a VP8 keyframe tells its size`() throws {
        let header = try #require(try VP8KeyframeHeader(frame: RealBytes.vp8Keyframe))
        #expect((header.width, header.height) == (320, 240))
    }

    @Test func `bytes that are no frame are a failure`() {
        #expect(throws: CodecFailure.wrongSignature) {
            try VP9KeyframeHeader(frame: ([0x12] as [UInt8]))
        }
        #expect(throws: CodecFailure.truncated) { try VP9KeyframeHeader(frame: [UInt8]()) }
        #expect(throws: CodecFailure.truncated) { try VP8KeyframeHeader(frame: [UInt8]()) }
    }
}
