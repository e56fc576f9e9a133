import Codecs
import Media
import Testing

struct H264ParameterSetTests {
    @Test func `a High stream of x264 tells size, rate and codec string`() throws {
        let configuration = try H264Configuration(record: RealBytes.high)
        let track = try configuration.trackConfiguration(track: TrackID(rawValue: 0), generation: 3)
        #expect(track.codecString == "avc1.64001f")
        #expect(track.video == .init(width: 1280, height: 720, frameRate: 30))
        #expect(track.timescale == 90_000)
        #expect(track.generation == 3)
        #expect(try configuration.sequenceParameters().reorderFrameCount == 2)
    }

    @Test func `a record is written as x264 wrote it`() throws {
        for record in [RealBytes.high, RealBytes.baseline, RealBytes.interlaced, RealBytes.tenBits] {
            #expect(try H264Configuration(record: record).record() == record)
        }
    }

    @Test func `baseline has no frames to reorder`() throws {
        let parameters = try H264Configuration(record: RealBytes.baseline).sequenceParameters()
        #expect(parameters.reorderFrameCount == 0)
        #expect(parameters.frameRate == 25)
        #expect(parameters.codecString == "avc1.42c01e")
        #expect((parameters.width, parameters.height) == (640, 360))
    }

    @Test func `interlaced pictures are cropped in units of two fields`() throws {
        let parameters = try H264Configuration(record: RealBytes.interlaced).sequenceParameters()
        #expect(!parameters.isProgressive)
        #expect((parameters.width, parameters.height) == (1920, 1080))
    }

    @Test func `ten bits and 4 2 2 are read from the high profiles`() throws {
        let parameters = try H264Configuration(record: RealBytes.tenBits).sequenceParameters()
        #expect(parameters.chromaFormat == 2)
        #expect(parameters.lumaBitDepth == 10)
        #expect((parameters.width, parameters.height) == (640, 360))
    }

    @Test func `a record without sets waits for those in the stream`() throws {
        let record: [UInt8] = [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]
        let configuration = try H264Configuration(record: record)
        #expect(!configuration.isComplete)
        #expect(throws: CodecFailure.truncated) { try configuration.record() }
    }

    @Test func `a record that claims 33 sets is cut at what it can count`() throws {
        let unit = Array(RealBytes.high[8..<34])
        var record: [UInt8] = [1, 0x64, 0, 0x1f, 0xff, 33]
        for _ in 0..<33 { record += [0, 26] + unit }
        record += [1, 0, 2, 0x68, 0]
        // 33 does not fit the five bits of the count: what is read is one set, then sets that are none.
        let configuration = try H264Configuration(record: record)
        #expect(configuration.sequenceParameterSets.count == 1)
    }

    @Test func `31 sets survive being read and written`() throws {
        let unit = Array(RealBytes.high[8..<34])
        let configuration = H264Configuration(
            sequenceParameterSets: Array(repeating: unit, count: 40),
            pictureParameterSets: [[0x68, 0xeb]]
        )
        let again = try H264Configuration(record: configuration.record())
        #expect(again.sequenceParameterSets.count == 31)
        #expect(again == configuration)
    }

    @Test func `a length size of three is refused`() {
        let record: [UInt8] = [1, 0x64, 0, 0x1f, 0xfe, 0xe0, 0]
        #expect(throws: CodecFailure.invalid(field: .nalLengthSize, value: 3)) {
            try H264Configuration(record: record)
        }
    }

    @Test func `every prefix of a record either parses or fails`() {
        for record in [RealBytes.high, RealBytes.interlaced, RealBytes.tenBits] {
            for count in 0..<record.count {
                let prefix = Array(record.prefix(count))
                _ = try? H264Configuration(record: prefix).trackConfiguration(
                    track: TrackID(rawValue: 0),
                    generation: 1
                )
            }
        }
    }
}

struct H264AccessUnitTests {
    private let idr: [UInt8] = [0x65, 0x88, 0x84, 0]
    private let reference: [UInt8] = [0x41, 0x9a, 0x24]
    private let disposable: [UInt8] = [0x01, 0x9e, 0x41]
    private let intra: [UInt8] = [0x41, 0x88, 0x80]
    private let recoveryPoint: [UInt8] = [0x06, 0x05, 0x01, 0xaa, 0x06, 0x01, 0xc4, 0x80]

    private func prefixed(_ units: [[UInt8]], size: Int = 4) -> [UInt8] {
        units.flatMap { unit in
            (0..<size).map { UInt8(truncatingIfNeeded: unit.count >> (8 * (size - 1 - $0))) } + unit
        }
    }

    @Test func `an IDR picture is one`() throws {
        let unit = try H264AccessUnit(lengthPrefixed: prefixed([idr]), lengthSize: 4)
        #expect(unit.isIDR)
        #expect(!unit.isDiscardable)
        #expect(unit.payload == prefixed([idr]))
    }

    @Test func `a picture that nothing references is discardable`() throws {
        #expect(try H264AccessUnit(lengthPrefixed: prefixed([disposable]), lengthSize: 4).isDiscardable)
        #expect(
            !(try H264AccessUnit(lengthPrefixed: prefixed([reference]), lengthSize: 4).isDiscardable)
        )
    }

    @Test func `a recovery point and an intra picture are seen`() throws {
        let unit = try H264AccessUnit(lengthPrefixed: prefixed([recoveryPoint, intra]), lengthSize: 4)
        #expect(unit.hasRecoveryPoint)
        #expect(unit.isIntra)
        #expect(!unit.isIDR)
        #expect(!(try H264AccessUnit(lengthPrefixed: prefixed([reference]), lengthSize: 4).isIntra))
    }

    @Test func `lengths of one and two bytes become four`() throws {
        for size in [1, 2] {
            let bytes = prefixed([idr, reference], size: size)
            let unit = try H264AccessUnit(lengthPrefixed: bytes, lengthSize: size)
            #expect(unit.payload == prefixed([idr, reference]))
        }
    }

    @Test func `parameter sets, delimiters and filler leave the sample`() throws {
        let sequence: [UInt8] = [0x67, 1, 2, 3]
        let bytes = prefixed([[0x09, 0xf0], sequence, [0x68, 9], idr, [0x0c, 0xff]])
        let unit = try H264AccessUnit(lengthPrefixed: bytes, lengthSize: 4)
        #expect(unit.payload == prefixed([idr]))
        #expect(unit.sequenceParameterSets == [sequence])
        #expect(unit.pictureParameterSets == [[0x68, 9]])
    }

    @Test func `start codes become lengths`() throws {
        let bytes: [UInt8] = [0, 0, 0, 1] + idr.dropLast() + [0, 0, 1] + reference + [0, 0]
        let unit = try H264AccessUnit(annexB: bytes)
        #expect(unit.payload == prefixed([idr.dropLast(), reference]))
        let isAnnexB = NALUnits.isAnnexB(bytes.span)
        #expect(isAnnexB)
        let rewritten = try NALUnits.lengthPrefixed(annexB: bytes.span)
        #expect(rewritten == unit.payload)
    }

    @Test func `a sample without a slice is empty`() throws {
        #expect(try H264AccessUnit(lengthPrefixed: [UInt8](), lengthSize: 4).payload.isEmpty)
        #expect(
            try H264AccessUnit(lengthPrefixed: prefixed([[0x68, 9]]), lengthSize: 4).payload.isEmpty
        )
    }

    @Test func `a length beyond the end is a failure`() {
        let bytes: [UInt8] = [0, 0, 0, 9, 0x65]
        #expect(throws: CodecFailure.invalid(field: .nalUnitLength, value: 9)) {
            try H264AccessUnit(lengthPrefixed: bytes, lengthSize: 4)
        }
        let short: [UInt8] = [0, 0, 0]
        #expect(throws: CodecFailure.truncated) {
            try H264AccessUnit(lengthPrefixed: short, lengthSize: 4)
        }
    }

    @Test func `emulation prevention bytes are removed`() {
        let bytes: [UInt8] = [0, 0, 3, 1, 0, 0, 3, 0, 0, 3]
        let payload = NALUnits.removingEmulationPrevention(bytes.span)
        #expect(payload == [0, 0, 1, 0, 0, 0, 0])
    }
}
