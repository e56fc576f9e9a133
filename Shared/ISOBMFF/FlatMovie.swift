import Bytes
public import Media

/// The head of a progressive MP4 file over chunks that already exist elsewhere: `ftyp`, `moov` with the whole
/// sample index, and the header of one `mdat` that holds the chunks, their old `moof` headers as dead bytes.
///
/// The movie begins at 0, whatever time its first sample has.
public struct FlatMovie: Sendable {
    /// The timescale of the movie and its edit lists.
    public static let timescale: UInt32 = 90_000

    /// Samples that lie one after the other.
    public struct Chunk: Sendable {
        /// Where the first payload lies, from the beginning of the `mdat` contents.
        public var offset: UInt64
        /// The decode time of the first sample, in the track's timescale.
        public var decodeTime: Int64
        /// Which of the track's configurations the samples need, from 0.
        public var configuration: Int
        /// The samples in decode order.
        public var samples: [MovieFragment.Sample]

        /// Creates a chunk.
        public init(
            offset: UInt64,
            decodeTime: Int64,
            configuration: Int,
            samples: [MovieFragment.Sample]
        ) {
            self.offset = offset
            self.decodeTime = decodeTime
            self.configuration = configuration
            self.samples = samples
        }
    }

    /// One track of the movie.
    public struct Track: Sendable {
        /// Its configurations, of one codec and timescale; never empty.
        public var configurations: [TrackConfiguration]
        /// Its chunks in decode order; never empty, nor are they.
        public var chunks: [Chunk]

        /// Creates a track, or `nil` where there is nothing to show.
        public init?(configurations: [TrackConfiguration], chunks: [Chunk]) {
            let chunks = chunks.filter { !$0.samples.isEmpty }
            guard !configurations.isEmpty, !chunks.isEmpty else { return nil }
            guard chunks.allSatisfy({ configurations.indices.contains($0.configuration) }) else { return nil }
            self.configurations = configurations
            self.chunks = chunks
        }
    }

    /// The tracks, in the order of the file.
    public var tracks: [Track]
    /// The length of what follows the head.
    public var bodyByteCount: UInt64

    /// Creates a movie over `bodyByteCount` bytes.
    public init(tracks: [Track], bodyByteCount: UInt64) {
        self.tracks = tracks
        self.bodyByteCount = bodyByteCount
    }

    /// Returns everything before the contents of `mdat`.
    public func head() -> [UInt8] {
        let tables = tracks.map(SampleTable.init)
        let start = tables.map(\.presentationStart).min() ?? 0
        var writer = ByteWriter(reservingCapacity: 4096 + tables.reduce(0) { $0 + $1.sampleCount * 6 })
        writer.brands("ftyp", major: "isom", compatible: ["isom", "iso2", "mp41"])
        // The offsets count from the beginning of the file, so the length of moov must be known first; it
        // does not depend on them, since every offset takes 64 bits.
        let moovOffset = writer.count
        writeMovie(tables, start: start, bodyOffset: 0, to: &writer)
        let bodyOffset = UInt64(writer.count + 16)
        var final = ByteWriter(reservingCapacity: Int(bodyOffset))
        final.write(contentsOf: writer.bytes[..<moovOffset])
        writeMovie(tables, start: start, bodyOffset: bodyOffset, to: &final)
        final.write(UInt32(1))
        final.write(BoxType("mdat").rawValue)
        final.write(bodyByteCount &+ 16)
        return final.bytes
    }

    private func writeMovie(
        _ tables: [SampleTable],
        start: Int64,
        bodyOffset: UInt64,
        to writer: inout ByteWriter
    ) {
        let duration = tables.map { $0.movieDuration(from: start) }.max() ?? 0
        let lastID = tables.map(\.boxes.trackID).max() ?? 0
        writer.box("moov") { writer in
            MovieHeader.write(
                timescale: Self.timescale,
                duration: duration,
                nextTrackID: lastID + 1,
                to: &writer
            )
            for table in tables { table.write(start: start, bodyOffset: bodyOffset, to: &writer) }
        }
    }
}
