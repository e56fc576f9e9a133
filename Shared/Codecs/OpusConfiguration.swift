import Bytes
public import Media

/// The decoder configuration of Opus, between `OpusHead` (RFC 7845 §5.1) and `dOps` of ISO files.
public struct OpusConfiguration: Sendable, Hashable {
    /// Ticks a second of every Opus track.
    public static let timescale: UInt32 = 48_000

    /// The channels that the decoder puts out.
    public var channelCount: UInt8
    /// Samples at 48 kHz to throw away at the start.
    public var preSkip: UInt16
    /// The rate of the source, for information.
    public var inputSampleRate: UInt32
    /// Gain to apply, in 1/256 dB.
    public var outputGain: Int16
    /// 0 mono or stereo, 1 surround, 255 no meaning.
    public var mappingFamily: UInt8
    /// Stream count, coupled count and one byte a channel; empty for family 0.
    public var channelMapping: [UInt8] = []

    /// The usual configuration where a publisher gives none: RTP's and RTMP's default of 48 kHz.
    public init(channelCount: UInt8, preSkip: UInt16 = 312) {
        self.channelCount = channelCount
        self.preSkip = preSkip
        inputSampleRate = Self.timescale
        outputGain = 0
        mappingFamily = 0
    }

    /// Parses an identification header, little-endian behind its signature.
    public init(identificationHeader bytes: Span<UInt8>) throws(CodecFailure) {
        do { try self.init(readingHeader: bytes) } catch { throw CodecFailure(any: error) }
    }

    /// Parses the contents of a `dOps` box.
    public init(record: Span<UInt8>) throws(CodecFailure) {
        do { try self.init(readingRecord: record) } catch { throw CodecFailure(any: error) }
    }

    private init(readingHeader bytes: Span<UInt8>) throws {
        var reader = ByteReader(bytes)
        guard try reader.takeArray(8) == Self.signature else { throw CodecFailure.wrongSignature }
        let version: UInt8 = try reader.read()
        guard version < 16 else { throw CodecFailure.unsupportedVersion(Int(version)) }
        channelCount = try reader.read()
        preSkip = try reader.readLittleEndian()
        inputSampleRate = try reader.readLittleEndian()
        outputGain = try reader.readLittleEndian()
        mappingFamily = try reader.read()
        try readMapping(&reader)
    }

    private init(readingRecord bytes: Span<UInt8>) throws {
        var reader = ByteReader(bytes)
        let version: UInt8 = try reader.read()
        guard version == 0 else { throw CodecFailure.unsupportedVersion(Int(version)) }
        channelCount = try reader.read()
        preSkip = try reader.read()
        inputSampleRate = try reader.read()
        outputGain = try reader.read()
        mappingFamily = try reader.read()
        try readMapping(&reader)
    }

    @_lifetime(reader: copy reader)
    private mutating func readMapping(_ reader: inout ByteReader) throws {
        guard channelCount > 0, mappingFamily != 0 || channelCount <= 2 else {
            throw CodecFailure.invalid(field: .channelCount, value: Int(channelCount))
        }
        if mappingFamily != 0 { channelMapping = try reader.takeArray(2 + Int(channelCount)) }
    }

    private static let signature = Array("OpusHead".utf8)

    /// The contents of `dOps`.
    public var record: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 16)
        writer.write(UInt8(0))
        writer.write(channelCount)
        writer.write(preSkip)
        writer.write(inputSampleRate)
        writer.write(outputGain)
        writer.write(mappingFamily)
        writer.write(contentsOf: channelMapping)
        return writer.bytes
    }

    /// The identification header.
    public var identificationHeader: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 24)
        writer.write(contentsOf: Self.signature)
        writer.write(UInt8(1))
        writer.write(channelCount)
        writer.writeLittleEndian(preSkip)
        writer.writeLittleEndian(inputSampleRate)
        writer.writeLittleEndian(outputGain)
        writer.write(mappingFamily)
        writer.write(contentsOf: channelMapping)
        return writer.bytes
    }

    /// The track that the configuration describes.
    public func trackConfiguration(track: TrackID, generation: UInt16) -> TrackConfiguration {
        TrackConfiguration(
            track: track,
            generation: generation,
            codec: .opus,
            timescale: Self.timescale,
            decoderConfiguration: record,
            codecString: "opus",
            kind: .audio(.init(sampleRate: Int(Self.timescale), channelCount: Int(channelCount)))
        )
    }
}

/// The length of Opus packets (RFC 6716 §3.1).
public enum OpusPacket {
    /// The longest packet: 120 ms.
    public static let maximumSampleCount = 5760

    /// Samples at 48 kHz in `packet`, or `nil` where it is empty, broken or longer than allowed.
    public static func sampleCount(of packet: Span<UInt8>) -> Int? {
        guard !packet.isEmpty else { return nil }
        let header = packet[0]
        let frameCount: Int
        switch header & 3 {
        case 0: frameCount = 1
        case 1, 2: frameCount = 2
        default:
            guard packet.count >= 2 else { return nil }
            frameCount = Int(packet[1] & 0x3f)
        }
        let total = frameCount * samplesPerFrame(configuration: Int(header >> 3))
        return (1...maximumSampleCount).contains(total) ? total : nil
    }

    private static func samplesPerFrame(configuration: Int) -> Int {
        switch configuration {
        case 0..<12: [480, 960, 1920, 2880][configuration & 3]
        case 12..<16: [480, 960][configuration & 1]
        default: [120, 240, 480, 960][configuration & 3]
        }
    }
}
