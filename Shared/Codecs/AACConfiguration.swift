public import Media

/// The AudioSpecificConfig of AAC (ISO 14496-3 §1.6.2.1).
public struct AACConfiguration: Sendable, Hashable {
    /// The object type as signalled: 2 LC, 5 SBR, 29 SBR with parametric stereo, ….
    public var objectType: UInt8
    /// Samples a second of the core coder.
    public var coreSampleRate: Int
    /// Channels of the core coder.
    public var coreChannelCount: Int
    /// Samples of the core coder in one frame: 1024, or 960 where the flag is set.
    public var coreSamplesPerFrame: Int = 1024
    /// The rate after spectral band replication, where it is signalled.
    public var extensionSampleRate: Int?
    /// Whether parametric stereo makes two channels of one.
    public var hasParametricStereo = false
    /// The configuration as it came.
    public private(set) var bytes: [UInt8]

    /// The rates by index.
    static let sampleRates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]
    /// The channels by configuration number; 0 where a program config element must tell.
    private static let channelCounts = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0]
    private static let generalAudioTypes: Set<UInt8> = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]
    /// The longest configuration that is taken: a program config element with a comment fits.
    public static let maximumByteCount = 512

    /// Parses a configuration.
    public init(_ bytes: Span<UInt8>) throws(CodecFailure) {
        guard bytes.count <= Self.maximumByteCount else {
            throw .invalid(field: .frameLength, value: bytes.count)
        }
        self.bytes = []
        self.bytes.reserveCapacity(bytes.count)
        for index in bytes.indices { self.bytes.append(bytes[index]) }
        var bits = ParameterBits(bytes)
        objectType = try Self.objectType(&bits)
        coreSampleRate = try Self.sampleRate(&bits)
        var coreType = objectType
        let channels = try bits.field(4)
        coreChannelCount = Self.channelCounts[channels]
        if objectType == 5 || objectType == 29 {
            hasParametricStereo = objectType == 29
            extensionSampleRate = try Self.sampleRate(&bits)
            coreType = try Self.objectType(&bits)
            if coreType == 22 { try bits.skip(4) }
        }
        if Self.generalAudioTypes.contains(coreType) {
            try readGeneralAudio(&bits, type: coreType, channels: channels)
        }
        guard coreChannelCount > 0 else { throw .invalid(field: .channelCount, value: channels) }
        // Encoders that signal SBR so that old decoders overlook it put it behind everything else.
        if extensionSampleRate == nil { try? readHiddenExtension(&bits) }
    }

    /// Makes the plain configuration of AAC LC or its siblings, as ADTS frames imply it.
    ///
    /// - Returns: `nil` for a rate without index or more channels than the table has.
    public init?(objectType: UInt8, sampleRateIndex: Int, channelConfiguration: Int) {
        guard Self.sampleRates.indices.contains(sampleRateIndex), (1...7).contains(channelConfiguration),
            (1...30).contains(objectType)
        else { return nil }
        let high = objectType << 3 | UInt8(sampleRateIndex >> 1)
        let low = UInt8(sampleRateIndex & 1) << 7 | UInt8(channelConfiguration) << 3
        self.objectType = objectType
        coreSampleRate = Self.sampleRates[sampleRateIndex]
        coreChannelCount = Self.channelCounts[channelConfiguration]
        bytes = [high, low]
    }

    /// Samples a second that the decoder puts out.
    public var sampleRate: Int { extensionSampleRate ?? coreSampleRate }

    /// Channels that the decoder puts out.
    public var channelCount: Int { hasParametricStereo && coreChannelCount == 1 ? 2 : coreChannelCount }

    /// Samples at ``sampleRate`` in one frame.
    public var samplesPerFrame: Int { coreSamplesPerFrame * sampleRate / coreSampleRate }

    /// The codec string, like `mp4a.40.2`.
    public var codecString: String { "mp4a.40.\(objectType)" }

    /// The track that the configuration describes.
    public func trackConfiguration(track: TrackID, generation: UInt16) -> TrackConfiguration {
        TrackConfiguration(
            track: track,
            generation: generation,
            codec: .aac,
            timescale: UInt32(truncatingIfNeeded: sampleRate),
            decoderConfiguration: bytes,
            codecString: codecString,
            kind: .audio(
                .init(sampleRate: sampleRate, channelCount: channelCount, samplesPerFrame: samplesPerFrame)
            )
        )
    }

    @_lifetime(bits: copy bits)
    private static func objectType(_ bits: inout ParameterBits) throws(CodecFailure) -> UInt8 {
        var type = try bits.field(5)
        if type == 31 { type = 32 + (try bits.field(6)) }
        guard type > 0 else { throw .invalid(field: .objectType, value: type) }
        return UInt8(type)
    }

    @_lifetime(bits: copy bits)
    private static func sampleRate(_ bits: inout ParameterBits) throws(CodecFailure) -> Int {
        let index = try bits.field(4)
        let rate =
            index == 15 ? try bits.field(24) : sampleRates.indices.contains(index) ? sampleRates[index] : 0
        guard (4000...192_000).contains(rate) else { throw .invalid(field: .sampleRate, value: rate) }
        return rate
    }

    /// Reads GASpecificConfig (ISO 14496-3 §4.4.1).
    @_lifetime(bits: copy bits)
    private mutating func readGeneralAudio(
        _ bits: inout ParameterBits,
        type: UInt8,
        channels: Int
    ) throws(CodecFailure) {
        if try bits.flag() { coreSamplesPerFrame = 960 }
        if try bits.flag() { try bits.skip(14) }
        let hasExtension = try bits.flag()
        if channels == 0 { coreChannelCount = try Self.programChannelCount(&bits) }
        if type == 6 || type == 20 { try bits.skip(3) }
        guard hasExtension else { return }
        if type == 22 { try bits.skip(16) }
        if [17, 19, 20, 23].contains(type) { try bits.skip(3) }
        try bits.skip(1)
    }

    /// Counts the channels of a program config element (ISO 14496-3 §4.4.1.1).
    @_lifetime(bits: copy bits)
    private static func programChannelCount(_ bits: inout ParameterBits) throws(CodecFailure) -> Int {
        try bits.skip(10)
        let front = try bits.field(4)
        let side = try bits.field(4)
        let back = try bits.field(4)
        let lowFrequency = try bits.field(2)
        let associated = try bits.field(3)
        let coupling = try bits.field(4)
        if try bits.flag() { try bits.skip(4) }
        if try bits.flag() { try bits.skip(4) }
        if try bits.flag() { try bits.skip(3) }
        var count = lowFrequency
        for _ in 0..<front + side + back {
            count += try bits.flag() ? 2 : 1
            try bits.skip(4)
        }
        try bits.skip(4 * (lowFrequency + associated) + 5 * coupling)
        try bits.alignToByte()
        try bits.skip(8 * (try bits.field(8)))
        return count
    }

    @_lifetime(bits: copy bits)
    private mutating func readHiddenExtension(_ bits: inout ParameterBits) throws(CodecFailure) {
        guard bits.remaining >= 16, try bits.field(11) == 0x2b7 else { return }
        guard try Self.objectType(&bits) == 5, try bits.flag() else { return }
        extensionSampleRate = try Self.sampleRate(&bits)
        guard bits.remaining >= 12, try bits.field(11) == 0x548 else { return }
        hasParametricStereo = try bits.flag()
    }
}

/// The header of one ADTS frame (ISO 14496-3 §1.A.2).
public struct ADTSHeader: Sendable, Hashable {
    /// The object type, 1 to 4.
    public var objectType: UInt8
    /// The index of the rate.
    public var sampleRateIndex: Int
    /// The channel configuration; 0 means that the frame holds a program config element.
    public var channelConfiguration: Int
    /// Bytes before the raw frame, 7 or 9.
    public var byteCount: Int
    /// Bytes of the frame with its header.
    public var frameByteCount: Int

    /// Parses a header, or returns `nil` where `bytes` do not begin with one that makes sense.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= 7, bytes[0] == 0xff, bytes[1] & 0xf6 == 0xf0 else { return nil }
        objectType = (bytes[2] >> 6) + 1
        sampleRateIndex = Int(bytes[2] >> 2 & 15)
        channelConfiguration = Int(bytes[2] & 1) << 2 | Int(bytes[3] >> 6)
        byteCount = bytes[1] & 1 == 1 ? 7 : 9
        frameByteCount = Int(bytes[3] & 3) << 11 | Int(bytes[4]) << 3 | Int(bytes[5] >> 5)
        guard AACConfiguration.sampleRates.indices.contains(sampleRateIndex), frameByteCount > byteCount
        else {
            return nil
        }
    }

    /// The configuration that the header implies.
    public var configuration: AACConfiguration? {
        AACConfiguration(
            objectType: objectType,
            sampleRateIndex: sampleRateIndex,
            channelConfiguration: channelConfiguration
        )
    }
}
