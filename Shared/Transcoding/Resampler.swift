import CLibAV

/// Turns decoded frames of one shape into interleaved samples at 48 kHz.
@safe final class Resampler {
    /// Samples per channel in one frame at most; no codec has more.
    private static let longestFrame: Int32 = 1 << 16

    // SAFETY: allocated by `init`, never null, freed once by `deinit`; nobody else holds it.
    private let context: OpaquePointer
    private let channelCount: Int
    private let format: Int32
    private let rate: Int32
    private let inputChannelCount: Int32

    /// Opens one for frames like `frame`.
    init(from frame: LibAVFrame, channelCount: Int) throws(TranscodingFailure) {
        format = unsafe frame.pointer.pointee.format
        rate = unsafe frame.pointer.pointee.sample_rate
        inputChannelCount = unsafe frame.pointer.pointee.ch_layout.nb_channels
        self.channelCount = channelCount
        guard (1...384_000).contains(rate), (1...64).contains(inputChannelCount) else { throw .unsupported }
        var context: OpaquePointer?
        var output = unsafe AVChannelLayout()
        var input = unsafe AVChannelLayout()
        // SAFETY: both layouts are locals that outlive the calls, and defaults own no memory.
        unsafe av_channel_layout_default(&output, Int32(channelCount))
        unsafe av_channel_layout_default(&input, inputChannelCount)
        if unsafe frame.pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_NATIVE {
            unsafe input = frame.pointer.pointee.ch_layout
        }
        let result = unsafe swr_alloc_set_opts2(
            &context,
            &output,
            AV_SAMPLE_FMT_FLT,
            Int32(SoundDecoder.sampleRate),
            &input,
            AVSampleFormat(format),
            rate,
            0,
            nil
        )
        guard result >= 0, let made = unsafe context else { throw .unsupported }
        guard unsafe Self.keepLevel(of: made, from: inputChannelCount), unsafe swr_init(made) >= 0 else {
            unsafe swr_free(&context)
            throw .unsupported
        }
        unsafe self.context = made
    }

    /// Keeps a mix from growing louder than what it is made of, and one channel from growing softer in two.
    private static func keepLevel(of context: OpaquePointer, from inputChannelCount: Int32) -> Bool {
        // SAFETY: the context is not open yet; the matrix is read during the call.
        guard inputChannelCount > 1 else { return unsafe swr_set_matrix(context, [1, 1], 1) >= 0 }
        return unsafe av_opt_set_double(UnsafeMutableRawPointer(context), "rematrix_maxval", 1, 0) >= 0
    }

    deinit {
        var context: OpaquePointer? = unsafe context
        // SAFETY: see `context`.
        unsafe swr_free(&context)
    }

    /// Samples per channel at 48 kHz that are still inside.
    var delay: Int {
        // SAFETY: the context is open.
        Int(max(0, unsafe swr_get_delay(context, Int64(SoundDecoder.sampleRate))))
    }

    /// Whether it was opened for frames like `frame`.
    func takes(_ frame: LibAVFrame) -> Bool {
        unsafe frame.pointer.pointee.format == format && frame.pointer.pointee.sample_rate == rate
            && frame.pointer.pointee.ch_layout.nb_channels == inputChannelCount
    }

    /// Appends what a frame gives to `samples`.
    func convert(
        _ frame: LibAVFrame,
        into samples: inout [Float]
    ) throws(TranscodingFailure) {
        let count = unsafe frame.pointer.pointee.nb_samples
        guard (0...Self.longestFrame).contains(count) else { throw .unsupported }
        // SAFETY: the context is open; it says how many samples it may give.
        let room = Int(try LibAV.check(unsafe swr_get_out_samples(context, count)))
        let begin = samples.count
        samples.append(contentsOf: [Float](repeating: 0, count: room * channelCount))
        // SAFETY: the planes hold `count` samples of the format that the context was opened for, and the
        // output has room for as many as the context was told.
        let made = unsafe samples.withUnsafeMutableBytes { bytes -> Int32 in
            let start = unsafe bytes.baseAddress?.advanced(by: begin * MemoryLayout<Float>.stride)
            var output: UnsafeMutablePointer<UInt8>? = unsafe start?.assumingMemoryBound(to: UInt8.self)
            let planes = unsafe UnsafeRawPointer(frame.pointer.pointee.extended_data)?
                .assumingMemoryBound(to: UnsafePointer<UInt8>?.self)
            return unsafe swr_convert(
                context,
                &output,
                Int32(clamping: room),
                UnsafeMutablePointer(mutating: planes),
                count
            )
        }
        samples.removeLast((room - Int(max(0, made))) * channelCount)
        try LibAV.check(made)
    }
}
