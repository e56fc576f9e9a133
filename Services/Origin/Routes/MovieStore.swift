import Contracts
import HTTPServing
import ISOBMFF
import Media
import Synchronization
import Telemetry

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

    /// So many views are being made that another one must be asked for again.
    struct Busy: Error {}

    fileprivate typealias Answer = Result<Movie?, Busy>
    fileprivate typealias Asker = CheckedContinuation<Answer, Never>

    fileprivate struct State {
        var movies: [Key: Movie] = [:]
        var order: [Key] = []
        /// Who waits for each view that is being made.
        var askers: [Key: [Asker]] = [:]
    }

    /// The heads that are kept; an hour of video and sound has one of about 3 MB.
    static let limit = 8
    /// The views that are being made, one after the other; who asks for a further one is told to come again.
    static let buildLimit = 4

    private let volume: Volume
    private let builds: Counter
    private let state = Mutex(State())

    /// Creates an empty store that counts what it makes in `builds`.
    init(volume: Volume, builds: Counter) {
        self.volume = volume
        self.builds = builds
    }

    /// The movie of a session up to and with a segment, or `nil` where there is no such run.
    ///
    /// It is made once, however many ask for it.
    func movie(of session: MediaSession, through: UInt32, run: Int) async throws(Busy) -> Movie? {
        let key = Key(sessionID: session.sessionID, through: through, run: run)
        let answer: Answer = await withCheckedContinuation { asker in
            switch state.withLock({ $0.take(asker, for: key) }) {
            case .known(let movie): asker.resume(returning: .success(movie))
            case .waits: break
            case .begins: build(key, of: session)
            case .busy: asker.resume(returning: .failure(Busy()))
            }
        }
        return try answer.get()
    }

    private func build(_ key: Key, of session: MediaSession) {
        builds.increment()
        volume.read {
            let movie = MovieBuilder(session: session, through: key.through, run: key.run).movie
            let askers = self.state.withLock { $0.finish(key, with: movie) }
            for asker in askers { asker.resume(returning: .success(movie)) }
        }
    }
}

extension MovieStore.State {
    fileprivate enum Step {
        case known(Movie)
        /// Somebody else's view is being made.
        case waits
        /// The view is to be made now.
        case begins
        case busy
    }

    /// Takes somebody who asks for a view; who waits is answered when it is made.
    fileprivate mutating func take(_ asker: MovieStore.Asker, for key: MovieStore.Key) -> Step {
        if let known = movies[key] { return .known(known) }
        let begins = askers[key] == nil
        if begins, askers.count >= MovieStore.buildLimit { return .busy }
        askers[key, default: []].append(asker)
        return begins ? .begins : .waits
    }

    /// Keeps a view that is made, and returns who waits for it.
    fileprivate mutating func finish(_ key: MovieStore.Key, with movie: Movie?) -> [MovieStore.Asker] {
        if let movie, movies.updateValue(movie, forKey: key) == nil {
            order.append(key)
            if order.count > MovieStore.limit { movies[order.removeFirst()] = nil }
        }
        return askers.removeValue(forKey: key) ?? []
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
