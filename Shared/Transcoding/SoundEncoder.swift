import CLibAV

/// One packet that an encoder made.
public struct EncodedSound: Sendable, Equatable {
    /// When the decoded packet begins, in the samples that the input was numbered with.
    public var time: Int64
    /// The packet.
    public var bytes: [UInt8]

    /// Creates a packet.
    public init(time: Int64, bytes: [UInt8]) {
        self.time = time
        self.bytes = bytes
    }
}

/// Encodes interleaved samples at 48 kHz.
///
/// Encoders hold back ``leadIn`` samples: what a decoder puts out for a packet begins that much earlier than the
/// samples that the packet was made of. The times of packets say when the decoded sound begins, so that it
/// stays where it was, to the sample.
@safe public struct SoundEncoder: ~Copyable, @unchecked Sendable {
    /// A coding of sound that can be made.
    public enum Coding: Sendable, Equatable, CaseIterable {
        /// Packets of 20 ms.
        case opus
        /// AAC-LC, raw frames of 1,024 samples.
        case aac

        fileprivate var name: String { self == .opus ? "libopus" : "aac" }
        fileprivate var format: AVSampleFormat { self == .opus ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP }
    }

    /// The channels that come in, interleaved.
    public let channelCount: Int
    /// Samples per channel in each frame.
    public let samplesPerFrame: Int
    /// Samples per channel that the encoder holds back.
    public let leadIn: Int
    /// What decoders must know: an OpusHead (RFC 7845) or an AudioSpecificConfig.
    public let configuration: [UInt8]

    // SAFETY: all three belong to the struct, which is ~Copyable and so used by one task at a time.
    private let encoder: LibAVCodec
    private let packet: LibAVPacket
    private let frame: LibAVFrame
    private let isPlanar: Bool

    /// Opens an encoder.
    ///
    /// - Parameters:
    ///   - channelCount: One or two.
    ///   - bitRate: Bits a second, about.
    public init(_ coding: Coding, channelCount: Int, bitRate: Int) throws(TranscodingFailure) {
        guard (1...2).contains(channelCount), (6_000...512_000).contains(bitRate) else { throw .unsupported }
        let encoder = try LibAVCodec(encoder: coding.name)
        // SAFETY: the context is ours and not open yet.
        unsafe encoder.pointer.pointee.sample_rate = Int32(SoundDecoder.sampleRate)
        unsafe encoder.pointer.pointee.sample_fmt = coding.format
        unsafe encoder.pointer.pointee.bit_rate = Int64(bitRate)
        unsafe encoder.pointer.pointee.time_base = AVRational(num: 1, den: Int32(SoundDecoder.sampleRate))
        unsafe encoder.pointer.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        unsafe av_channel_layout_default(&encoder.pointer.pointee.ch_layout, Int32(channelCount))
        if coding == .opus {
            try encoder.set("frame_duration", to: "20")
            // Holds back 2.5 ms in place of 6.5; what it leaves out is for speech at lower rates.
            try encoder.set("application", to: "lowdelay")
            // A fifth of the effort of 10: from 3 on it takes more time, and at these rates nothing comes closer.
            unsafe encoder.pointer.pointee.compression_level = 2
        }
        try encoder.open()
        let frameSize = unsafe encoder.pointer.pointee.frame_size
        guard (1...5760).contains(frameSize) else { throw .unsupported }
        let frame = try Self.frame(of: frameSize, coding.format, channelCount: channelCount)
        let packet = try LibAVPacket()
        self.packet = packet
        self.frame = frame
        self.channelCount = channelCount
        isPlanar = coding == .aac
        samplesPerFrame = Int(frameSize)
        leadIn = Int(max(0, unsafe encoder.pointer.pointee.initial_padding))
        configuration = encoder.configuration
        self.encoder = encoder
    }

    private static func frame(
        of count: Int32,
        _ format: AVSampleFormat,
        channelCount: Int
    ) throws(TranscodingFailure) -> LibAVFrame {
        let frame = try LibAVFrame()
        // SAFETY: the frame is ours and empty; a default layout owns no memory.
        unsafe frame.pointer.pointee.nb_samples = count
        unsafe frame.pointer.pointee.format = format.rawValue
        unsafe frame.pointer.pointee.sample_rate = Int32(SoundDecoder.sampleRate)
        unsafe av_channel_layout_default(&frame.pointer.pointee.ch_layout, Int32(channelCount))
        try LibAV.check(unsafe av_frame_get_buffer(frame.pointer, 0))
        return frame
    }

    /// Encodes one frame of ``samplesPerFrame`` samples a channel, which begins at `time`.
    ///
    /// - Returns: the packets that are ready; the first frame may give none.
    public mutating func encode(
        _ samples: ArraySlice<Float>,
        at time: Int64
    ) throws(TranscodingFailure) -> [EncodedSound] {
        guard samples.count == samplesPerFrame * channelCount else { throw .wrongLength(samples.count) }
        // SAFETY: encoder and frame are open and ours; where the encoder still holds the samples it gets others.
        try unsafe LibAV.check(av_frame_make_writable(frame.pointer))
        copy(samples)
        unsafe frame.pointer.pointee.pts = time
        try unsafe LibAV.check(avcodec_send_frame(encoder.pointer, frame.pointer))
        var packets: [EncodedSound] = []
        while try encoder.receive(packet) {
            packets.append(EncodedSound(time: unsafe packet.pointer.pointee.pts, bytes: packet.bytes))
        }
        return packets
    }

    /// Fills the frame's one plane of interleaved samples, or one plane for each channel.
    private func copy(_ samples: ArraySlice<Float>) {
        let (channels, count) = (channelCount, samplesPerFrame)
        // SAFETY: the frame was allocated for as many samples and channels as are copied.
        unsafe samples.withUnsafeBufferPointer { source in
            for channel in 0..<(isPlanar ? channels : 1) {
                guard let plane = unsafe frame.pointer.pointee.extended_data[channel] else { return }
                let target = unsafe UnsafeMutableRawPointer(plane).assumingMemoryBound(to: Float.self)
                if isPlanar {
                    for index in 0..<count { unsafe target[index] = source[index * channels + channel] }
                } else {
                    for index in 0..<count * channels { unsafe target[index] = source[index] }
                }
            }
        }
    }
}
