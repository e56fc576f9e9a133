import CLibAV

/// What the whole process needs of the library.
enum LibAV {
    /// Keeps the library from writing to the standard error; what fails is told by its results.
    static let isQuiet: Bool = {
        av_log_set_level(AV_LOG_QUIET)
        return true
    }()

    /// Throws the library's number where it is one of a failure.
    @discardableResult
    static func check(_ result: Int32) throws(TranscodingFailure) -> Int32 {
        guard result >= 0 else { throw .refused(result) }
        return result
    }
}

/// A packet of the library.
@safe final class LibAVPacket {
    // SAFETY: allocated by `init`, never null, freed once by `deinit`; nobody else holds it.
    let pointer: UnsafeMutablePointer<AVPacket>

    init() throws(TranscodingFailure) {
        guard let pointer = unsafe av_packet_alloc() else { throw .outOfMemory }
        unsafe self.pointer = pointer
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVPacket>? = unsafe pointer
        // SAFETY: see `pointer`.
        unsafe av_packet_free(&pointer)
    }

    /// Makes it a copy of `bytes`, with the padding that decoders read into.
    func fill(_ bytes: Span<UInt8>) throws(TranscodingFailure) {
        // SAFETY: the packet has room for as many bytes as are copied.
        unsafe av_packet_unref(pointer)
        try unsafe LibAV.check(av_new_packet(pointer, Int32(clamping: bytes.count)))
        unsafe bytes.withUnsafeBytes { source in
            let target = unsafe UnsafeMutableRawBufferPointer(
                start: pointer.pointee.data,
                count: source.count
            )
            unsafe target.copyMemory(from: source)
        }
    }

    /// Its bytes.
    var bytes: [UInt8] {
        // SAFETY: the library says how many bytes there are; they are copied before it can change them.
        unsafe Array(
            UnsafeBufferPointer(start: pointer.pointee.data, count: Int(max(0, pointer.pointee.size)))
        )
    }
}

/// A frame of the library.
@safe final class LibAVFrame {
    // SAFETY: allocated by `init`, never null, freed once by `deinit`; nobody else holds it.
    let pointer: UnsafeMutablePointer<AVFrame>

    init() throws(TranscodingFailure) {
        guard let pointer = unsafe av_frame_alloc() else { throw .outOfMemory }
        unsafe self.pointer = pointer
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVFrame>? = unsafe pointer
        // SAFETY: see `pointer`.
        unsafe av_frame_free(&pointer)
    }
}

/// An open decoder or encoder of the library.
@safe final class LibAVCodec {
    // SAFETY: allocated by `init`, never null, freed once by `deinit`; nobody else holds it.
    let pointer: UnsafeMutablePointer<AVCodecContext>

    /// Allocates the decoder called `name`; it is opened later.
    init(decoder name: String) throws(TranscodingFailure) {
        _ = LibAV.isQuiet
        // SAFETY: the name lives for the call; codecs are constants of the library.
        guard let codec = unsafe avcodec_find_decoder_by_name(name) else { throw .unsupported }
        guard let pointer = unsafe avcodec_alloc_context3(codec) else { throw .outOfMemory }
        unsafe self.pointer = pointer
        unsafe pointer.pointee.thread_count = 1
    }

    /// Allocates the encoder called `name`; it is opened later.
    init(encoder name: String) throws(TranscodingFailure) {
        _ = LibAV.isQuiet
        // SAFETY: the name lives for the call; codecs are constants of the library.
        guard let codec = unsafe avcodec_find_encoder_by_name(name) else { throw .unsupported }
        guard let pointer = unsafe avcodec_alloc_context3(codec) else { throw .outOfMemory }
        unsafe self.pointer = pointer
        unsafe pointer.pointee.thread_count = 1
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVCodecContext>? = unsafe pointer
        // SAFETY: see `pointer`; frees the extra data too.
        unsafe avcodec_free_context(&pointer)
    }

    /// Gives a decoder its configuration, before it is opened.
    func configure(_ bytes: [UInt8]) throws(TranscodingFailure) {
        guard !bytes.isEmpty else { return }
        // SAFETY: the memory is zeroed, has room for the bytes and the padding, and belongs to the context.
        let memory = unsafe av_mallocz(bytes.count + Int(AV_INPUT_BUFFER_PADDING_SIZE))
        guard let memory = unsafe memory else { throw .outOfMemory }
        unsafe bytes.withUnsafeBytes { source in
            let target = unsafe UnsafeMutableRawBufferPointer(start: memory, count: source.count)
            unsafe target.copyMemory(from: source)
        }
        unsafe pointer.pointee.extradata = memory.assumingMemoryBound(to: UInt8.self)
        unsafe pointer.pointee.extradata_size = Int32(clamping: bytes.count)
    }

    /// Sets an option of the codec's own, before it is opened.
    func set(_ option: String, to value: String) throws(TranscodingFailure) {
        // SAFETY: the texts live for the call; the private data is the codec's.
        try unsafe LibAV.check(av_opt_set(pointer.pointee.priv_data, option, value, 0))
    }

    /// Opens it.
    func open() throws(TranscodingFailure) {
        // SAFETY: the context was made for the codec that is opened.
        try unsafe LibAV.check(avcodec_open2(pointer, pointer.pointee.codec, nil))
    }

    /// What an encoder says that decoders must know.
    var configuration: [UInt8] {
        // SAFETY: the context says how many bytes there are; they are copied.
        unsafe Array(
            UnsafeBufferPointer(
                start: pointer.pointee.extradata,
                count: Int(max(0, pointer.pointee.extradata_size))
            )
        )
    }

    /// Takes the next frame out of a decoder; `false` where it needs more first.
    func receive(_ frame: LibAVFrame) throws(TranscodingFailure) -> Bool {
        // SAFETY: both are open and ours; what the frame held is released by the call.
        try took(unsafe avcodec_receive_frame(pointer, frame.pointer))
    }

    /// Takes the next packet out of an encoder; `false` where it needs more first.
    func receive(_ packet: LibAVPacket) throws(TranscodingFailure) -> Bool {
        // SAFETY: both are open and ours; what the packet held is released by the call.
        try took(unsafe avcodec_receive_packet(pointer, packet.pointer))
    }

    private func took(_ result: Int32) throws(TranscodingFailure) -> Bool {
        if result == martlet_av_again() || result == martlet_av_end() { return false }
        try LibAV.check(result)
        return true
    }
}
