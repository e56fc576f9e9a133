public import Bytes

/// The head of one CMAF chunk: `moof`, and the header of the `mdat` whose contents follow.
///
/// Equal samples give equal bytes, and the length depends on the number of samples alone.
public struct MovieFragment: Sendable, Equatable {
    /// One sample of the chunk.
    public struct Sample: Sendable, Hashable {
        /// The length of its payload.
        public var byteCount: UInt32
        /// How long it lasts, in the track's timescale.
        public var duration: UInt32
        /// Presentation minus decode time, in the track's timescale.
        public var compositionOffset: Int32
        /// What it depends on.
        public var flags: SampleFlags

        /// Creates a sample.
        public init(byteCount: UInt32, duration: UInt32, compositionOffset: Int32 = 0, flags: SampleFlags) {
            self.byteCount = byteCount
            self.duration = duration
            self.compositionOffset = compositionOffset
            self.flags = flags
        }
    }

    /// Rises from chunk to chunk of a track.
    public var sequence: UInt32
    /// The track, as its init segment numbers it.
    public var trackID: UInt32
    /// The decode time of the first sample, in the track's timescale.
    public var decodeTime: UInt64
    /// The samples in decode order.
    public var samples: [Sample]

    /// Creates the head of a chunk.
    public init(sequence: UInt32, trackID: UInt32, decodeTime: UInt64, samples: [Sample]) {
        self.sequence = sequence
        self.trackID = trackID
        self.decodeTime = decodeTime
        self.samples = samples
    }

    private static let fixedByteCount = 8 + 16 + 8 + 16 + 20 + 20 + 8
    private static let sampleByteCount = 16

    /// The length of the head of a chunk of `sampleCount` samples; the first payload follows it.
    public static func headByteCount(sampleCount: Int) -> Int {
        fixedByteCount + sampleByteCount * sampleCount
    }

    /// The length of all payloads.
    public var payloadByteCount: Int { samples.reduce(0) { $0 &+ Int($1.byteCount) } }

    /// The sum of all durations.
    public var duration: UInt64 { samples.reduce(0) { $0 &+ UInt64($1.duration) } }

    /// Appends the `moof` box and the header of the `mdat` box.
    public func writeHead(to writer: inout ByteWriter) {
        let headByteCount = Self.headByteCount(sampleCount: samples.count)
        writer.box("moof") { writer in
            writer.fullBox("mfhd") { $0.write(sequence) }
            writer.box("traf") { writer in
                // 0x020000: offsets count from the beginning of the moof box.
                writer.fullBox("tfhd", flags: 0x020000) { $0.write(trackID) }
                writer.fullBox("tfdt", version: 1) { $0.write(decodeTime) }
                // Data offset, and per sample duration, size, flags and signed composition offset.
                writer.fullBox("trun", version: 1, flags: 0x000f01) { writer in
                    writer.write(UInt32(clamping: samples.count))
                    writer.write(UInt32(clamping: headByteCount))
                    for sample in samples { write(sample, to: &writer) }
                }
            }
        }
        writer.write(UInt32(clamping: 8 &+ payloadByteCount))
        writer.write(BoxType("mdat").rawValue)
    }

    private func write(_ sample: Sample, to writer: inout ByteWriter) {
        writer.write(sample.duration)
        writer.write(sample.byteCount)
        writer.write(sample.flags.rawValue)
        writer.write(sample.compositionOffset)
    }
}
