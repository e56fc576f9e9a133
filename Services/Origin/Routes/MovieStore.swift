import Contracts
import HTTPServing
import ISOBMFF
import Media
import Synchronization

/// A session as one progressive MP4 file that exists only as a list of pieces.
struct Movie: Sendable {
    /// `ftyp`, `moov` and the header of `mdat`.
    var head: [UInt8]
    /// Where the contents of `mdat` lie, in order.
    var body: [StoredRange]
}

/// Makes `file.mp4` views of sessions, the head from the sample rows and the body by reference.
///
/// No media is copied.
final class MovieStore: Sendable {
    /// Which view: a session up to a segment, and which run of equal codecs in it.
    struct Key: Hashable, Sendable {
        var sessionID: String
        var through: UInt32
        var run: Int
    }

    private struct State {
        var movies: [Key: Movie] = [:]
        var order: [Key] = []
    }

    /// The heads that are kept; an hour of video and sound has one of about 3 MB.
    static let limit = 8

    private let volume: Volume
    private let state = Mutex(State())

    init(volume: Volume) { self.volume = volume }

    /// The movie of a session up to and with a segment, or `nil` where there is no such run.
    func movie(of session: MediaSession, through: UInt32, run: Int) async -> Movie? {
        let key = Key(sessionID: session.sessionID, through: through, run: run)
        if let known = state.withLock({ $0.movies[key] }) { return known }
        let made = await volume.reading { MovieBuilder(session: session, through: through, run: run).movie }
        guard let made else { return nil }
        state.withLock { state in
            if state.movies[key] == nil { state.order.append(key) }
            state.movies[key] = made
            if state.order.count > Self.limit { state.movies[state.order.removeFirst()] = nil }
        }
        return made
    }
}

/// Collects what one movie needs; reads index and sample files, so it belongs on the reading thread.
struct MovieBuilder {
    let session: MediaSession
    let through: UInt32
    let run: Int

    private struct Source {
        var entries: [TrackLogReader.Entry]
        var configurations: [TrackConfiguration]
        var chunks: [FlatMovie.Chunk] = []
    }

    /// The movie, or `nil` where the run does not exist or nothing of it is stored.
    var movie: Movie? {
        // Of the picture's layers, the file has the best.
        let logs = TrackLogReader(folder: session.folder).logs(verifies: false).filter { !$0.key.isLayer }
        let all = session.allConfigurations
        let runs = Self.runs(of: logs, all)
        guard runs.indices.contains(run) else { return nil }
        var sources: [TrackID: Source] = [:]
        for (track, log) in logs {
            let entries = log.entries.filter { entry in
                let number = entry.record.head.id.mediaSequence
                return number <= through && runs[run].contains(number)
            }
            let used = Set(entries.map(\.record.head.generation))
            let configurations = all.filter { $0.track == track && used.contains($0.generation) }
            if !entries.isEmpty { sources[track] = Source(entries: entries, configurations: configurations) }
        }
        return movie(of: &sources)
    }

    private func movie(of sources: inout [TrackID: Source]) -> Movie? {
        var body: [StoredRange] = []
        var length: UInt64 = 0
        var rows = SampleRows(folder: session.folder)
        for (track, entry) in Self.interleaved(sources) {
            guard let samples = rows.samples(of: entry),
                let configuration = sources[track]?.configurations.firstIndex(where: {
                    $0.generation == entry.record.head.generation
                })
            else { continue }
            let headByteCount = UInt64(MovieFragment.headByteCount(sampleCount: samples.count))
            sources[track]?.chunks.append(
                FlatMovie.Chunk(
                    offset: length &+ headByteCount,
                    decodeTime: entry.record.head.decodeTime,
                    configuration: configuration,
                    samples: samples
                )
            )
            Self.append(entry.range, to: &body)
            length &+= entry.range.byteCount
        }
        let tracks = sources.keys.sorted().compactMap { track in
            sources[track].flatMap { FlatMovie.Track(configurations: $0.configurations, chunks: $0.chunks) }
        }
        guard !tracks.isEmpty else { return nil }
        return Movie(head: FlatMovie(tracks: tracks, bodyByteCount: length).head(), body: body)
    }

    /// The parts of all tracks, by segment and within it by track.
    private static func interleaved(
        _ sources: [TrackID: Source]
    ) -> [(track: TrackID, entry: TrackLogReader.Entry)] {
        let all = sources.flatMap { track, source in source.entries.map { (track: track, entry: $0) } }
        return all.sorted { left, right in
            let (leftID, rightID) = (left.entry.record.head.id, right.entry.record.head.id)
            return (leftID.mediaSequence, left.track, leftID.part) < (
                rightID.mediaSequence, right.track, rightID.part
            )
        }
    }

    private static func append(_ range: StoredRange, to body: inout [StoredRange]) {
        if let last = body.last, last.extent == range.extent, last.offset &+ last.byteCount == range.offset {
            body[body.count - 1].byteCount += range.byteCount
        } else {
            body.append(range)
        }
    }

    /// The segments between two changes of codec or timescale, in order.
    static func runs(
        of logs: [TrackID: TrackLogReader.Log],
        _ configurations: [TrackConfiguration]
    ) -> [ClosedRange<UInt32>] {
        var starts: Set<UInt32> = []
        var end: UInt32 = 0
        for (track, log) in logs {
            let kinds = Dictionary(
                configurations.filter { $0.track == track }.map {
                    ($0.generation, "\($0.codec) \($0.timescale)")
                },
                uniquingKeysWith: { first, _ in first }
            )
            var last: String?
            for entry in log.entries {
                let head = entry.record.head
                let kind = kinds[head.generation]
                if last == nil || kind != last { starts.insert(last == nil ? 0 : head.id.mediaSequence) }
                last = kind
                end = max(end, head.id.mediaSequence)
            }
        }
        let sorted = starts.sorted()
        return sorted.enumerated().map { index, start in
            start...(index + 1 < sorted.count ? max(start, sorted[index + 1] - 1) : max(start, end))
        }
    }
}

/// Reads sample rows, each extent's file once.
private struct SampleRows {
    /// The largest `.samples` file that is read: 10 min of samples are under a megabyte.
    private static let limit = 64 << 20

    let folder: String
    private var files: [ExtentName: [UInt8]] = [:]

    init(folder: String) { self.folder = folder }

    /// The samples of a part, or `nil` where their rows are missing.
    mutating func samples(of entry: TrackLogReader.Entry) -> [MovieFragment.Sample]? {
        let name = entry.range.extent
        if files[name] == nil {
            let path = "\(folder)/\(name.file(.samples))"
            files[name] = (try? FileSystem.contents(of: path, limit: Self.limit)) ?? []
        }
        guard let bytes = files[name] else { return nil }
        let start = entry.record.firstRow.multipliedReportingOverflow(by: UInt64(SampleRow.byteCount))
        let first = Int(clamping: start.partialValue)
        let count = Int(entry.record.sampleCount) * SampleRow.byteCount
        guard !start.overflow, first <= bytes.count, count <= bytes.count - first else { return nil }
        return SampleRow.samples(of: Array(bytes[first..<first + count]))
    }
}
