import Bytes
public import Media

/// The decoder configuration of VP8 and VP9, as `vpcC` holds it (VP codec ISO media file format binding).
public struct VPConfiguration: Sendable, Hashable {
    /// The profile, 0 to 3.
    public var profile: UInt8
    /// Ten times the level, 0 where it is unknown.
    public var level: UInt8
    /// Bits of a sample.
    public var bitDepth: UInt8
    /// 0 and 1 are 4:2:0, 2 4:2:2, 3 4:4:4.
    public var chromaSubsampling: UInt8
    /// Whether samples use all values.
    public var isFullRange = false
    /// Primaries, transfer and matrix as ISO 23091-2 counts them; 2 is unspecified.
    public var colour: [UInt8] = [2, 2, 2]

    /// Parses a record with or without the version and flags of the box in front.
    public init(record: Span<UInt8>) throws(CodecFailure) {
        let isFullBox =
            record.count >= 12 && record[0] == 1 && record[1] == 0 && record[2] == 0 && record[3] == 0
        let start = isFullBox ? 4 : 0
        guard record.count >= start + 6 else { throw .truncated }
        profile = record[start]
        level = record[start + 1]
        bitDepth = record[start + 2] >> 4
        chromaSubsampling = record[start + 2] >> 1 & 7
        isFullRange = record[start + 2] & 1 == 1
        colour = [record[start + 3], record[start + 4], record[start + 5]]
        guard profile <= 3 else { throw .invalid(field: .profile, value: Int(profile)) }
        guard [8, 10, 12].contains(bitDepth) else { throw .invalid(field: .bitDepth, value: Int(bitDepth)) }
    }

    /// Makes a configuration of what a keyframe says; the level follows from the size of the picture.
    public init(keyframe: VP9KeyframeHeader) {
        profile = keyframe.profile
        level = Self.level(width: keyframe.width, height: keyframe.height)
        bitDepth = keyframe.bitDepth
        chromaSubsampling = keyframe.chromaSubsampling
    }

    /// The configuration of every VP8 stream of that size.
    public init(keyframe: VP8KeyframeHeader) {
        profile = 0
        level = Self.level(width: keyframe.width, height: keyframe.height)
        bitDepth = 8
        chromaSubsampling = 1
    }

    /// The contents of `vpcC` with its version and flags.
    public var record: [UInt8] {
        let sampling = bitDepth << 4 | chromaSubsampling << 1 | (isFullRange ? 1 : 0)
        return [1, 0, 0, 0, profile, level, sampling] + colour + [0, 0]
    }

    /// The track that the configuration describes, for pictures of the given size.
    public func trackConfiguration(
        codec: Codec,
        width: Int,
        height: Int,
        track: TrackID,
        generation: UInt16
    ) -> TrackConfiguration {
        let digits = [profile, level == 0 ? Self.level(width: width, height: height) : level, bitDepth]
        return TrackConfiguration(
            track: track,
            generation: generation,
            codec: codec,
            timescale: TrackConfiguration.videoTimescale,
            decoderConfiguration: record,
            codecString: ([codec.rawValue] + digits.map { $0.decimal(digits: 2) }).joined(separator: "."),
            kind: .video(.init(width: width, height: height))
        )
    }

    /// The largest luma picture of each level.
    private static let levels: [(pixels: Int, level: UInt8)] = [
        (36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31),
        (2_228_224, 40), (8_912_896, 50), (35_651_584, 60),
    ]

    private static func level(width: Int, height: Int) -> UInt8 {
        levels.first { width * height <= $0.pixels }?.level ?? 62
    }
}

/// What the uncompressed header of a VP9 keyframe says (VP9 bitstream §6.2).
public struct VP9KeyframeHeader: Sendable, Hashable {
    /// The profile, 0 to 3.
    public var profile: UInt8
    /// Bits of a sample.
    public var bitDepth: UInt8 = 8
    /// 1 is 4:2:0, 2 4:2:2, 3 4:4:4, as in `vpcC`.
    public var chromaSubsampling: UInt8 = 1
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int

    /// Parses the start of a frame, or returns `nil` where it is no keyframe.
    ///
    /// - Throws: where it claims to be one and is broken.
    public init?(frame: Span<UInt8>) throws(CodecFailure) {
        var bits = ParameterBits(frame)
        guard try bits.field(2) == 2 else { throw .wrongSignature }
        let low = try bits.field(1)
        profile = UInt8(try bits.field(1) << 1 | low)
        if profile == 3 { try bits.skip(1) }
        let showsExisting = try bits.flag()
        if showsExisting { return nil }
        let isInter = try bits.flag()
        if isInter { return nil }
        try bits.skip(2)
        guard try bits.field(24) == 0x49_83_42 else { throw .wrongSignature }
        if profile >= 2 { bitDepth = try bits.flag() ? 12 : 10 }
        let colourSpace = try bits.field(3)
        if colourSpace != 7 {
            try bits.skip(1)
            if profile & 1 == 1 { chromaSubsampling = try Self.chroma(&bits) }
        } else if profile & 1 == 1 {
            chromaSubsampling = 3
            try bits.skip(1)
        }
        let codedWidth = try bits.field(16) + 1
        let size = try PictureSize(codedWidth: codedWidth, codedHeight: try bits.field(16) + 1)
        width = size.width
        height = size.height
    }

    @_lifetime(bits: copy bits)
    private static func chroma(_ bits: inout ParameterBits) throws(CodecFailure) -> UInt8 {
        let halvesWidth = try bits.flag()
        let halvesHeight = try bits.flag()
        try bits.skip(1)
        if halvesWidth { return halvesHeight ? 1 : 2 }
        return 3
    }
}

/// What the header of a VP8 keyframe says (RFC 6386 §9.1).
public struct VP8KeyframeHeader: Sendable, Hashable {
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int

    /// Parses the start of a frame, or returns `nil` where it is no keyframe.
    public init?(frame: Span<UInt8>) throws(CodecFailure) {
        guard let first = frame.isEmpty ? nil : frame[0] else { throw .truncated }
        guard first & 1 == 0 else { return nil }
        guard frame.count >= 10 else { throw .truncated }
        guard frame[3] == 0x9d, frame[4] == 0x01, frame[5] == 0x2a else { throw .wrongSignature }
        let size = try PictureSize(
            codedWidth: Int(frame[6]) | Int(frame[7] & 0x3f) << 8,
            codedHeight: Int(frame[8]) | Int(frame[9] & 0x3f) << 8
        )
        width = size.width
        height = size.height
    }
}
