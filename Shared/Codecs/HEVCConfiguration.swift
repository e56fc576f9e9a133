import Bytes
public import Media

/// The decoder configuration of HEVC, as `hvcC` and the RTMP sequence header hold it (ISO 14496-15 §8.3.3).
public struct HEVCConfiguration: Sendable, Hashable {
    /// The most parameter sets of all kinds in one record.
    public static let maximumSetCount = 64

    /// Bytes of the length field before each NAL unit of a sample: 1, 2 or 4.
    public var nalLengthSize: Int
    /// The video parameter sets as NAL units.
    public var videoParameterSets: [[UInt8]] = []
    /// The sequence parameter sets as NAL units.
    public var sequenceParameterSets: [[UInt8]] = []
    /// The picture parameter sets as NAL units.
    public var pictureParameterSets: [[UInt8]] = []

    /// Makes a configuration of sets found among the slices.
    public init(
        videoParameterSets: [[UInt8]],
        sequenceParameterSets: [[UInt8]],
        pictureParameterSets: [[UInt8]]
    ) {
        nalLengthSize = 4
        self.videoParameterSets = Array(videoParameterSets.prefix(Self.maximumSetCount))
        self.sequenceParameterSets = Array(sequenceParameterSets.prefix(Self.maximumSetCount))
        self.pictureParameterSets = Array(pictureParameterSets.prefix(Self.maximumSetCount))
    }

    /// Parses a record.
    public init(record: Span<UInt8>) throws(CodecFailure) {
        do { try self.init(reading: record) } catch { throw CodecFailure(any: error) }
    }

    private init(reading record: Span<UInt8>) throws {
        var reader = ByteReader(record)
        let version: UInt8 = try reader.read()
        // Version 0 comes from encoders that follow a draft; the fields are the same.
        guard version <= 1 else { throw CodecFailure.unsupportedVersion(Int(version)) }
        try reader.skip(20)
        nalLengthSize = Int(try reader.read(UInt8.self) & 3) + 1
        guard nalLengthSize != 3 else { throw CodecFailure.invalid(field: .nalLengthSize, value: 3) }
        var setCount = 0
        for _ in 0..<(try reader.read(UInt8.self)) {
            let type = try reader.read(UInt8.self) & 0x3f
            let count = Int(try reader.read(UInt16.self))
            setCount += count
            guard setCount <= Self.maximumSetCount else {
                throw CodecFailure.invalid(field: .count, value: setCount)
            }
            keep(try reader.takeParameterSets(count), type: type)
        }
    }

    private mutating func keep(_ units: [[UInt8]], type: UInt8) {
        switch type {
        case HEVCNALUnitType.videoParameterSet: videoParameterSets += units
        case HEVCNALUnitType.sequenceParameterSet: sequenceParameterSets += units
        case HEVCNALUnitType.pictureParameterSet: pictureParameterSets += units
        default: break
        }
    }

    /// Whether a decoder can begin with it: it holds at least one set of each kind.
    public var isComplete: Bool {
        !videoParameterSets.isEmpty && !sequenceParameterSets.isEmpty && !pictureParameterSets.isEmpty
    }

    /// The parsed first sequence parameter set.
    public func sequenceParameters() throws(CodecFailure) -> HEVCSequenceParameters {
        guard let first = sequenceParameterSets.first else { throw .truncated }
        return try HEVCSequenceParameters(nalUnit: first.span)
    }

    /// The record for `hvcC`, with lengths of four bytes, as every sample on the bus has them.
    public func record() throws(CodecFailure) -> [UInt8] {
        let parameters = try sequenceParameters()
        let level = parameters.profileTierLevel
        var writer = ByteWriter(reservingCapacity: 128)
        writer.write(UInt8(1))
        writer.write(level.profileSpace << 6 | (level.isHighTier ? 0x20 : 0) | level.profile)
        writer.write(level.compatibility)
        writer.write(UInt16(truncatingIfNeeded: level.constraints >> 32))
        writer.write(UInt32(truncatingIfNeeded: level.constraints))
        writer.write(level.level)
        writer.write(UInt16(0xf000))
        writer.write(UInt8(0xfc))
        writer.write(0xfc | parameters.chromaFormat)
        writer.write(0xf8 | (parameters.lumaBitDepth &- 8 & 7))
        writer.write(0xf8 | (parameters.chromaBitDepth &- 8 & 7))
        writer.write(UInt16(0))
        writer.write(parameters.temporalLayerCount << 3 | (parameters.isTemporalIDNested ? 4 : 0) | 3)
        writer.write(UInt8(3))
        writer.write(array: videoParameterSets, type: HEVCNALUnitType.videoParameterSet)
        writer.write(array: sequenceParameterSets, type: HEVCNALUnitType.sequenceParameterSet)
        writer.write(array: pictureParameterSets, type: HEVCNALUnitType.pictureParameterSet)
        return writer.bytes
    }

    /// The track that the configuration describes.
    public func trackConfiguration(
        track: TrackID,
        generation: UInt16
    ) throws(CodecFailure) -> TrackConfiguration {
        let parameters = try sequenceParameters()
        return TrackConfiguration(
            track: track,
            generation: generation,
            codec: .hevc,
            timescale: TrackConfiguration.videoTimescale,
            decoderConfiguration: try record(),
            codecString: parameters.profileTierLevel.codecString,
            kind: .video(
                .init(width: parameters.width, height: parameters.height, frameRate: parameters.frameRate)
            )
        )
    }
}

extension ByteWriter {
    /// Appends one complete array of parameter sets of `hvcC`.
    fileprivate mutating func write(array units: [[UInt8]], type: UInt8) {
        write(0x80 | type)
        write(UInt16(truncatingIfNeeded: units.count))
        write(parameterSets: units)
    }
}
