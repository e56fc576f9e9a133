public import Media

/// The header of one MPEG audio frame of layer 3 (ISO 11172-3 §2.4.1.3).
public struct MP3Header: Sendable, Hashable {
    /// Samples a second.
    public var sampleRate: Int
    /// 1 or 2.
    public var channelCount: Int
    /// Bytes of the frame with its header; 0 for free format.
    public var frameByteCount: Int
    /// 1152, or 576 at the low rates.
    public var samplesPerFrame: Int

    private static let bitRates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    private static let lowBitRates = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

    /// Parses the header at the start of `frame`.
    public init(frame: Span<UInt8>) throws(CodecFailure) {
        guard frame.count >= 4 else { throw .truncated }
        let version = frame[1] >> 3 & 3
        guard frame[0] == 0xff, frame[1] & 0xe0 == 0xe0, version != 1, frame[1] >> 1 & 3 == 1 else {
            throw .wrongSignature
        }
        let rateIndex = Int(frame[2] >> 2 & 3)
        guard rateIndex < 3 else { throw .invalid(field: .sampleRate, value: rateIndex) }
        let bitRateIndex = Int(frame[2] >> 4)
        guard bitRateIndex < 15 else { throw .invalid(field: .bitRate, value: bitRateIndex) }
        let isFull = version == 3
        sampleRate = [44_100, 48_000, 32_000][rateIndex] / (isFull ? 1 : version == 2 ? 2 : 4)
        samplesPerFrame = isFull ? 1152 : 576
        channelCount = frame[3] >> 6 == 3 ? 1 : 2
        let bitRate = (isFull ? Self.bitRates : Self.lowBitRates)[bitRateIndex] * 1000
        let padding = Int(frame[2] >> 1 & 1)
        frameByteCount = bitRate == 0 ? 0 : samplesPerFrame / 8 * bitRate / sampleRate + padding
    }

    /// The track that the header describes.
    public func trackConfiguration(track: TrackID, generation: UInt16) -> TrackConfiguration {
        .sound(
            .mp3,
            track: track,
            generation: generation,
            record: [],
            codecString: "mp4a.6B",
            .init(sampleRate: sampleRate, channelCount: channelCount, samplesPerFrame: samplesPerFrame)
        )
    }
}

/// The header of one AC-3 or E-AC-3 frame (ETSI TS 102 366 §4.3, §E.1.2).
public struct AC3Header: Sendable, Hashable {
    /// Whether it is E-AC-3.
    public var isEnhanced: Bool
    /// Samples a second.
    public var sampleRate: Int
    /// Channels, the low-frequency one included.
    public var channelCount: Int
    /// Bytes of the frame.
    public var frameByteCount: Int
    /// 1536 for AC-3, 256 to 1536 for E-AC-3.
    public var samplesPerFrame: Int
    /// The contents of `dac3` or `dec3`.
    public var record: [UInt8]

    private static let channelCounts = [2, 1, 2, 3, 3, 4, 4, 5]
    private static let sampleRates = [48_000, 44_100, 32_000]
    private static let bitRates = [
        32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
    ]

    /// Parses the header at the start of `frame`.
    public init(frame: Span<UInt8>) throws(CodecFailure) {
        guard frame.count >= 7 else { throw .truncated }
        guard frame[0] == 0x0b, frame[1] == 0x77 else { throw .wrongSignature }
        let bitstreamID = frame[5] >> 3
        if bitstreamID <= 10 {
            try self.init(plain: frame)
        } else if bitstreamID <= 16 {
            try self.init(enhanced: frame)
        } else {
            throw .unsupportedVersion(Int(bitstreamID))
        }
    }

    private init(plain frame: Span<UInt8>) throws(CodecFailure) {
        var bits = ParameterBits(frame)
        try bits.skip(32)
        let rateCode = try bits.field(2)
        let sizeCode = try bits.field(6)
        guard rateCode < 3 else { throw .invalid(field: .sampleRate, value: rateCode) }
        guard sizeCode < 38 else { throw .invalid(field: .frameLength, value: sizeCode) }
        let bitstreamID = try bits.field(5)
        let mode = try bits.field(3)
        let channelMode = try bits.field(3)
        if channelMode & 1 == 1, channelMode != 1 { try bits.skip(2) }
        if channelMode & 4 != 0 { try bits.skip(2) }
        if channelMode == 2 { try bits.skip(2) }
        let lowFrequency = try bits.field(1)
        isEnhanced = false
        sampleRate = Self.sampleRates[rateCode]
        channelCount = Self.channelCounts[channelMode] + lowFrequency
        samplesPerFrame = 1536
        let words = Self.bitRates[sizeCode >> 1] * 96_000 / sampleRate
        frameByteCount = 2 * (words + (rateCode == 1 ? sizeCode & 1 : 0))
        let fields = rateCode << 22 | bitstreamID << 17 | mode << 14 | channelMode << 11
        let packed = fields | lowFrequency << 10 | (sizeCode >> 1) << 5
        record = [16, 8, 0].map { UInt8(truncatingIfNeeded: packed >> $0) }
    }

    private init(enhanced frame: Span<UInt8>) throws(CodecFailure) {
        var bits = ParameterBits(frame)
        try bits.skip(16 + 5)
        frameByteCount = (try bits.field(11) + 1) * 2
        let rateCode = try bits.field(2)
        let second = try bits.field(2)
        let channelMode = try bits.field(3)
        let lowFrequency = try bits.field(1)
        let bitstreamID = try bits.field(5)
        if rateCode == 3 {
            guard second < 3 else { throw .invalid(field: .sampleRate, value: second) }
            sampleRate = Self.sampleRates[second] / 2
        } else {
            sampleRate = Self.sampleRates[rateCode]
        }
        isEnhanced = true
        channelCount = Self.channelCounts[channelMode] + lowFrequency
        samplesPerFrame = 256 * (rateCode == 3 ? 6 : [1, 2, 3, 6][second])
        let dataRate = min(0x1fff, frameByteCount * 8 * sampleRate / samplesPerFrame / 1000)
        let head = dataRate << 3
        let body = rateCode << 22 | bitstreamID << 17 | channelMode << 9 | lowFrequency << 8
        record = [8, 0].map { UInt8(truncatingIfNeeded: head >> $0) }
        record += [16, 8, 0].map { UInt8(truncatingIfNeeded: body >> $0) }
    }

    /// The track that the header describes.
    public func trackConfiguration(track: TrackID, generation: UInt16) -> TrackConfiguration {
        let codec: Codec = isEnhanced ? .eac3 : .ac3
        return .sound(
            codec,
            track: track,
            generation: generation,
            record: record,
            codecString: codec.rawValue,
            .init(sampleRate: sampleRate, channelCount: channelCount, samplesPerFrame: samplesPerFrame)
        )
    }
}

/// The stream information of FLAC (RFC 9639 §8.2).
public struct FLACConfiguration: Sendable, Hashable {
    /// Samples a second.
    public var sampleRate: Int
    /// Channels.
    public var channelCount: Int
    /// Bits of a sample.
    public var bitsPerSample: Int
    /// Samples in one frame, where all but the last are alike.
    public var samplesPerFrame: Int?
    /// The 34 bytes of STREAMINFO.
    public var streamInformation: [UInt8]

    /// Parses STREAMINFO alone, behind its block header, or behind the signature of a file.
    public init(header: Span<UInt8>) throws(CodecFailure) {
        var start = 0
        if header.count >= 4, header[0] == 0x66, header[1] == 0x4c, header[2] == 0x61, header[3] == 0x43 {
            start = 4
        }
        if header.count >= start + 38, header[start] & 0x7f == 0, header[start + 3] == 34 { start += 4 }
        guard header.count >= start + 34 else { throw .truncated }
        let information = header.extracting(start..<start + 34)
        streamInformation = information.indices.map { information[$0] }
        var bits = ParameterBits(information)
        let smallest = try bits.field(16)
        let largest = try bits.field(16)
        try bits.skip(48)
        sampleRate = try bits.field(20)
        channelCount = try bits.field(3) + 1
        bitsPerSample = try bits.field(5) + 1
        samplesPerFrame = smallest == largest && smallest >= 16 ? smallest : nil
        guard sampleRate > 0 else { throw .invalid(field: .sampleRate, value: sampleRate) }
    }

    /// The track that the header describes; its record is `dfLa` with version and flags.
    public func trackConfiguration(track: TrackID, generation: UInt16) -> TrackConfiguration {
        .sound(
            .flac,
            track: track,
            generation: generation,
            record: [0, 0, 0, 0, 0x80, 0, 0, 34] + streamInformation,
            codecString: "flac",
            .init(sampleRate: sampleRate, channelCount: channelCount, samplesPerFrame: samplesPerFrame)
        )
    }
}

extension TrackConfiguration {
    /// A track of sound whose timescale is its sample rate.
    static func sound(
        _ codec: Codec,
        track: TrackID,
        generation: UInt16,
        record: [UInt8],
        codecString: String,
        _ audio: Audio
    ) -> TrackConfiguration {
        TrackConfiguration(
            track: track,
            generation: generation,
            codec: codec,
            timescale: UInt32(truncatingIfNeeded: audio.sampleRate),
            decoderConfiguration: record,
            codecString: codecString,
            kind: .audio(audio)
        )
    }
}
