import CLibAV
import Codecs
public import Media

/// A coding of sound that can be decoded.
public enum SoundCoding: Sendable, Equatable, CaseIterable {
    case aac
    case mp3
    case opus
    /// G.711, A-law.
    case alaw
    /// G.711, µ-law.
    case mulaw

    /// The coding of a track, or `nil` where it cannot be decoded.
    public init?(_ codec: Codec) {
        switch codec {
        case .aac: self = .aac
        case .mp3: self = .mp3
        case .opus: self = .opus
        case .alaw: self = .alaw
        case .mulaw: self = .mulaw
        default: return nil
        }
    }

    var decoderName: String {
        switch self {
        case .aac: "aac"
        case .mp3: "mp3float"
        case .opus: "libopus"
        case .alaw: "pcm_alaw"
        case .mulaw: "pcm_mulaw"
        }
    }
}

/// Decodes packets of sound to samples at 48 kHz in one or two channels.
///
/// A packet's first sample comes out as the first sample of what the packet gives; where the rate has to be
/// changed, ``delay`` samples stay inside until the next packet.
@safe public struct SoundDecoder: ~Copyable, @unchecked Sendable {
    /// The rate of what comes out.
    public static let sampleRate = 48_000
    /// The longest packet that is looked at.
    public static let longestPacket = 1 << 16

    /// The channels that come out, interleaved.
    public let channelCount: Int

    // SAFETY: all three belong to the struct, which is ~Copyable and so used by one task at a time.
    private let decoder: LibAVCodec
    private let packet: LibAVPacket
    private let frame: LibAVFrame
    private var resampler: Resampler?

    /// Opens a decoder.
    ///
    /// - Parameters:
    ///   - configuration: The AudioSpecificConfig of AAC or the `dOps` record of Opus; else empty.
    ///   - sampleRate: The rate of the packets where they do not tell it themselves.
    ///   - channelCount: The channels of the packets where they do not tell them themselves.
    ///   - outputChannelCount: One or two.
    public init(
        _ coding: SoundCoding,
        configuration: [UInt8],
        sampleRate: Int,
        channelCount: Int,
        outputChannelCount: Int
    ) throws(TranscodingFailure) {
        guard (1...2).contains(outputChannelCount), (1...64).contains(channelCount) else {
            throw .unsupported
        }
        guard (1...384_000).contains(sampleRate) else { throw .unsupported }
        let decoder = try LibAVCodec(decoder: coding.decoderName)
        try decoder.configure(Self.privateData(coding, configuration))
        // SAFETY: the context is ours and not open yet.
        // The library would leave out Opus' pre-skip; here every packet gives all its samples.
        unsafe decoder.pointer.pointee.flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL
        unsafe decoder.pointer.pointee.sample_rate = Int32(sampleRate)
        unsafe av_channel_layout_default(&decoder.pointer.pointee.ch_layout, Int32(channelCount))
        try decoder.open()
        let (packet, frame) = (try LibAVPacket(), try LibAVFrame())
        self.packet = packet
        self.frame = frame
        self.channelCount = outputChannelCount
        self.decoder = decoder
    }

    /// Samples per channel that came in and have yet to come out.
    public var delay: Int { resampler?.delay ?? 0 }

    /// Decodes one packet and appends what comes out to `samples`.
    ///
    /// - Throws: where the packet is damaged; the next one can be decoded all the same.
    public mutating func decode(
        _ bytes: Span<UInt8>,
        into samples: inout [Float]
    ) throws(TranscodingFailure) {
        guard bytes.count <= Self.longestPacket else { throw .tooLarge(bytes.count) }
        // An empty packet would tell the library that there are no more.
        guard !bytes.isEmpty else { return }
        try packet.fill(bytes)
        // SAFETY: decoder and packet are open and ours.
        try unsafe LibAV.check(avcodec_send_packet(decoder.pointer, packet.pointer))
        while try decoder.receive(frame) { try resample(into: &samples) }
    }

    /// Decodes one packet and appends what comes out to `samples`.
    public mutating func decode(_ bytes: [UInt8], into samples: inout [Float]) throws(TranscodingFailure) {
        try decode(bytes.span, into: &samples)
    }

    private mutating func resample(into samples: inout [Float]) throws(TranscodingFailure) {
        if resampler == nil || resampler?.takes(frame) == false {
            resampler = try Resampler(from: frame, channelCount: channelCount)
        }
        try resampler?.convert(frame, into: &samples)
    }

    /// The configuration as the library wants it.
    private static func privateData(_ coding: SoundCoding, _ configuration: [UInt8]) -> [UInt8] {
        guard coding == .opus else { return configuration }
        return (try? OpusConfiguration(record: configuration.span).identificationHeader) ?? []
    }
}
