import CLibAV
import Codecs
import Media

/// One picture that was made over.
public struct EncodedPicture: Sendable, Equatable {
    /// When it is shown; pictures come in this order, and each can be decoded when it comes.
    public var time: Int64
    /// Whether decoding can begin here.
    public var isKeyframe: Bool
    /// The access unit, its NAL units behind lengths of four bytes, without parameter sets.
    public var bytes: [UInt8]

    /// Creates a picture.
    public init(time: Int64, isKeyframe: Bool, bytes: [UInt8]) {
        self.time = time
        self.isKeyframe = isKeyframe
        self.bytes = bytes
    }
}

/// Decodes H.264 and encodes it again without B-frames: the same pictures at the same times, each keyframe where it
/// was, in the order in which they are shown.
///
/// A picture comes out when the source has sent what is decoded before it: the encoder itself holds nothing back.
@safe public struct PictureTranscoder: ~Copyable, @unchecked Sendable {
    /// The longest access unit that is looked at.
    public static let longestPacket = BusEntry.maximumSampleByteCount
    /// The most pixels of a picture: 8K.
    public static let largestPicture = 7680 * 4320

    /// The `avcC` record of what comes out; `nil` before the first picture.
    public private(set) var record: [UInt8]?

    // SAFETY: all belong to the struct, which is ~Copyable and so used by one task at a time.
    private let decoder: LibAVCodec
    private let packet: LibAVPacket
    private let frame: LibAVFrame
    private let output: LibAVPacket
    private var encoder: LibAVCodec?
    private let bitRate: Int
    private let frameRate: Double
    private var meter: RateMeter
    private var isKeyframeWanted = false

    /// Opens a decoder; the encoder follows with the first picture.
    ///
    /// - Parameters:
    ///   - record: The `avcC` record of the source.
    ///   - frameRate: Pictures a second, about.
    ///   - bitRate: The most bits a second that come out.
    public init(record: [UInt8], frameRate: Double?, bitRate: Int) throws(TranscodingFailure) {
        let decoder = try LibAVCodec(decoder: "h264")
        try decoder.configure(record)
        // SAFETY: the context is ours and not open yet.
        unsafe decoder.pointer.pointee.max_pixels = Int64(Self.largestPicture)
        try decoder.open()
        let (packet, frame, output) = (try LibAVPacket(), try LibAVFrame(), try LibAVPacket())
        self.decoder = decoder
        self.packet = packet
        self.frame = frame
        self.output = output
        self.bitRate = bitRate
        meter = RateMeter(limit: bitRate)
        self.frameRate = frameRate.flatMap { (1...240).contains($0) ? $0 : nil } ?? 30
    }

    /// Makes over one access unit.
    ///
    /// - Parameter time: When it is shown, in 90,000ths of a second.
    /// - Returns: the pictures that are ready.
    public mutating func transcode(
        _ bytes: [UInt8],
        at time: Int64
    ) throws(TranscodingFailure) -> [EncodedPicture] {
        guard bytes.count <= Self.longestPacket else { throw .tooLarge(bytes.count) }
        guard !bytes.isEmpty else { return [] }
        try packet.fill(bytes.span)
        // SAFETY: decoder and packet are open and ours.
        unsafe packet.pointer.pointee.pts = time
        try LibAV.check(unsafe avcodec_send_packet(decoder.pointer, packet.pointer))
        if let rate = meter.add(bytes.count, at: time) { limit(to: rate) }
        return try takePictures()
    }

    /// Makes the next picture a keyframe, wherever the source has its own.
    public mutating func requestKeyframe() { isKeyframeWanted = true }

    /// Lets what comes out be no more than so many bits a second.
    private func limit(to rate: Int) {
        guard let encoder else { return }
        // SAFETY: the encoder is open and ours; x264 takes the new limits with the next picture.
        unsafe encoder.pointer.pointee.rc_max_rate = Int64(rate)
        unsafe encoder.pointer.pointee.rc_buffer_size = Int32(clamping: rate)
    }

    /// Takes out what the decoder still holds; nothing can be made over afterwards.
    public mutating func finish() throws(TranscodingFailure) -> [EncodedPicture] {
        // SAFETY: the decoder is open and ours; no packet tells it that there are no more.
        try LibAV.check(unsafe avcodec_send_packet(decoder.pointer, nil))
        return try takePictures()
    }

    private mutating func takePictures() throws(TranscodingFailure) -> [EncodedPicture] {
        var pictures: [EncodedPicture] = []
        while try decoder.receive(frame) {
            // SAFETY: the frame is ours and holds a picture.
            guard unsafe frame.pointer.pointee.pts != martlet_av_no_time() else { continue }
            if encoder == nil { try openEncoder() }
            guard let encoder else { throw .unsupported }
            guard isLike(encoder) else { throw .unsupported }
            let isKeyframe = unsafe isKeyframeWanted || frame.pointer.pointee.key_frame != 0
            isKeyframeWanted = false
            unsafe frame.pointer.pointee.pict_type = isKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
            try LibAV.check(unsafe avcodec_send_frame(encoder.pointer, frame.pointer))
            while try encoder.receive(output) { pictures.append(try picture()) }
        }
        return pictures
    }

    private func picture() throws(TranscodingFailure) -> EncodedPicture {
        let bytes = output.bytes
        guard let unit = try? NALUnits.lengthPrefixed(annexB: bytes.span) else { throw .unsupported }
        // SAFETY: the packet is ours and holds a picture.
        let isKeyframe = unsafe output.pointer.pointee.flags & AV_PKT_FLAG_KEY != 0
        return EncodedPicture(time: unsafe output.pointer.pointee.pts, isKeyframe: isKeyframe, bytes: unit)
    }

    // MARK: The encoder

    /// Whether the picture is of the size and format that the encoder was opened for.
    private func isLike(_ encoder: LibAVCodec) -> Bool {
        // SAFETY: both are ours.
        unsafe frame.pointer.pointee.width == encoder.pointer.pointee.width
            && frame.pointer.pointee.height == encoder.pointer.pointee.height
            && frame.pointer.pointee.format == encoder.pointer.pointee.pix_fmt.rawValue
    }

    private mutating func openEncoder() throws(TranscodingFailure) {
        let format = AVPixelFormat(unsafe frame.pointer.pointee.format)
        // Browsers decode no other H.264 over WebRTC.
        guard format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P else { throw .unsupported }
        let encoder = try LibAVCodec(encoder: "libx264")
        // SAFETY: context and frame are ours, the context is not open yet.
        let context = unsafe encoder.pointer
        let source = unsafe frame.pointer
        unsafe context.pointee.width = source.pointee.width
        unsafe context.pointee.height = source.pointee.height
        unsafe context.pointee.pix_fmt = format
        unsafe context.pointee.sample_aspect_ratio = source.pointee.sample_aspect_ratio
        unsafe context.pointee.color_range = source.pointee.color_range
        unsafe context.pointee.color_primaries = source.pointee.color_primaries
        unsafe context.pointee.color_trc = source.pointee.color_trc
        unsafe context.pointee.colorspace = source.pointee.colorspace
        unsafe context.pointee.time_base = AVRational(num: 1, den: Int32(TrackConfiguration.videoTimescale))
        unsafe context.pointee.framerate = AVRational(num: Int32(frameRate * 1000), den: 1000)
        // Keyframes come where the source has them, and nowhere else.
        unsafe context.pointee.gop_size = 1 << 16
        unsafe context.pointee.max_b_frames = 0
        unsafe context.pointee.rc_max_rate = Int64(bitRate)
        unsafe context.pointee.rc_buffer_size = Int32(clamping: bitRate)
        unsafe context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        try encoder.set("preset", to: "superfast")
        try encoder.set("tune", to: "zerolatency")
        try encoder.set("crf", to: "23")
        try encoder.set("forced-idr", to: "1")
        try encoder.set("x264-params", to: "scenecut=0")
        try encoder.open()
        record = try Self.record(of: encoder.configuration)
        self.encoder = encoder
    }

    /// Makes an `avcC` record of the encoder's parameter sets.
    private static func record(of header: [UInt8]) throws(TranscodingFailure) -> [UInt8] {
        var (sequence, picture): ([[UInt8]], [[UInt8]]) = ([], [])
        do throws(CodecFailure) {
            try NALUnits.forEach(annexB: header.span) { unit in
                guard let first = unit.indices.first.map({ unit[$0] }) else { return }
                let bytes = unit.indices.map { unit[$0] }
                if first & 31 == 7 { sequence.append(bytes) }
                if first & 31 == 8 { picture.append(bytes) }
            }
            return try H264Configuration(
                sequenceParameterSets: sequence,
                pictureParameterSets: picture
            ).record()
        } catch {
            throw .unsupported
        }
    }
}

/// Measures what a source sends, so that what is made of it is not much more.
struct RateMeter {
    /// How long is measured at a time, in 90,000ths of a second: two seconds.
    private static let window: Int64 = 180_000
    /// What an encoder that must be quick may need more than the source's.
    private static let allowance = 1.5
    /// What is always allowed, in bits a second.
    private static let floor = 300_000

    private let limit: Int
    private var byteCount = 0
    private var start: Int64?

    init(limit: Int) { self.limit = limit }

    /// Adds an access unit.
    ///
    /// - Returns: the bits a second to keep to from now on, after each window.
    mutating func add(_ count: Int, at time: Int64) -> Int? {
        byteCount += count
        guard let start, time >= start else {
            start = time
            byteCount = count
            return nil
        }
        let elapsed = time &- start
        guard elapsed >= Self.window else { return nil }
        let rate = Double(byteCount) * 8 * Double(TrackConfiguration.videoTimescale) / Double(elapsed)
        self.start = time
        byteCount = 0
        return min(limit, max(Self.floor, Int(min(rate * Self.allowance, Double(limit)))))
    }
}
