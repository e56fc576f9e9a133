import Bytes
public import Media

/// The decoder configuration of H.264, as `avcC` and the RTMP sequence header hold it (ISO 14496-15 §5.3.3).
public struct H264Configuration: Sendable, Hashable {
    /// The most sequence parameter sets that the record can count.
    public static let maximumSequenceSetCount = 31
    /// The most picture parameter sets that the record can count.
    public static let maximumPictureSetCount = 255

    /// Bytes of the length field before each NAL unit of a sample: 1, 2 or 4.
    public var nalLengthSize: Int
    /// The sequence parameter sets as NAL units; none where the stream carries them among its slices.
    public var sequenceParameterSets: [[UInt8]]
    /// The picture parameter sets as NAL units.
    public var pictureParameterSets: [[UInt8]]

    /// Parses a record; a missing or broken tail after the picture sets is forgiven.
    public init(record: Span<UInt8>) throws(CodecFailure) {
        do { try self.init(reading: record) } catch { throw CodecFailure(any: error) }
    }

    /// Makes a configuration of sets found among the slices.
    public init(sequenceParameterSets: [[UInt8]], pictureParameterSets: [[UInt8]]) {
        nalLengthSize = 4
        self.sequenceParameterSets = Array(sequenceParameterSets.prefix(Self.maximumSequenceSetCount))
        self.pictureParameterSets = Array(pictureParameterSets.prefix(Self.maximumPictureSetCount))
    }

    private init(reading record: Span<UInt8>) throws {
        var reader = ByteReader(record)
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw CodecFailure.unsupportedVersion(Int(version)) }
        // Profile, constraints and level stand in the first sequence set too, which is what decoders obey.
        try reader.skip(3)
        nalLengthSize = Int(try reader.read(UInt8.self) & 3) + 1
        guard nalLengthSize != 3 else { throw CodecFailure.invalid(field: .nalLengthSize, value: 3) }
        let sequenceSetCount = Int(try reader.read(UInt8.self) & 0x1f)
        sequenceParameterSets = try reader.takeParameterSets(sequenceSetCount)
        pictureParameterSets = try reader.takeParameterSets(Int(try reader.read(UInt8.self)))
    }

    /// Whether a decoder can begin with it: it holds at least one set of each kind.
    public var isComplete: Bool { !sequenceParameterSets.isEmpty && !pictureParameterSets.isEmpty }

    /// The parsed first sequence parameter set.
    public func sequenceParameters() throws(CodecFailure) -> H264SequenceParameters {
        guard let first = sequenceParameterSets.first else { throw .truncated }
        return try H264SequenceParameters(nalUnit: first.span)
    }

    /// The record for `avcC`, with lengths of four bytes, as every sample on the bus has them.
    public func record() throws(CodecFailure) -> [UInt8] {
        let parameters = try sequenceParameters()
        var writer = ByteWriter(reservingCapacity: 64)
        writer.write(contentsOf: [1, parameters.profile, parameters.constraints, parameters.level])
        writer.write(UInt8(0xfc | 3))
        writer.write(UInt8(0xe0 | UInt8(truncatingIfNeeded: sequenceParameterSets.count & 0x1f)))
        writer.write(parameterSets: sequenceParameterSets)
        writer.write(UInt8(truncatingIfNeeded: pictureParameterSets.count))
        writer.write(parameterSets: pictureParameterSets)
        if Self.profilesWithTail.contains(parameters.profile) {
            writer.write(0xfc | parameters.chromaFormat)
            writer.write(0xf8 | (parameters.lumaBitDepth - 8))
            writer.write(0xf8 | (parameters.chromaBitDepth - 8))
            writer.write(UInt8(0))
        }
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
            codec: .h264,
            timescale: TrackConfiguration.videoTimescale,
            decoderConfiguration: try record(),
            codecString: parameters.codecString,
            kind: .video(
                .init(width: parameters.width, height: parameters.height, frameRate: parameters.frameRate)
            )
        )
    }

    private static let profilesWithTail: Set<UInt8> = [100, 110, 122, 144, 244, 44]
}

extension TrackConfiguration {
    /// Ticks a second of every video track.
    public static let videoTimescale: UInt32 = 90_000
}

extension ByteReader {
    /// Takes `count` parameter sets, each behind its length in two bytes, and leaves out empty ones.
    @_lifetime(self: copy self)
    mutating func takeParameterSets(_ count: Int) throws(Failure) -> [[UInt8]] {
        var units: [[UInt8]] = []
        for _ in 0..<count {
            let unit = try takeArray(Int(try read(UInt16.self)))
            if !unit.isEmpty { units.append(unit) }
        }
        return units
    }
}
