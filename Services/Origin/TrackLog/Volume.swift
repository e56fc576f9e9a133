import CPlatform
import Glibc
import Reactor
import Sockets
import Synchronization
import Telemetry

/// The one thread that writes to a media volume and makes it durable.
///
/// Writers are made and used on its thread only; the queue in front of it is bounded in bytes. Parts are gathered for
/// a while, so that those of a track are written together: viewers have them from memory, and what a process has not
/// written when it dies the next owner reads from the bus again.
final class Volume: Sendable {
    /// Bytes that may wait to be written; a part that finds no room fails like one on a full disk.
    static let queueByteLimit = 256 << 20
    /// With more files than this to synchronise, the whole file system is.
    private static let singleSyncLimit = 32

    /// The longest time that parts are gathered.
    private static let longestGathering = Duration.seconds(1)

    private struct Write {
        var part: PackagedPart
        var writer: UInt64
        var completion: @Sendable (Result<StoredRange, SystemCallError>) -> Void
    }

    /// What waits for the volume's thread: parts together with their writers, so that none is taken before its writer.
    private struct Queue {
        var makers: [(id: UInt64, make: UncheckedSend<() -> TrackLogWriter>)] = []
        var writes: [Write] = []
    }

    private struct State: ~Copyable {
        var writers: [UInt64: TrackLogWriter] = [:]
        var dirty: Set<CInt> = []
        var folders: Set<String> = []
    }

    let root: String
    let loop: EventLoop
    /// The thread that reads indexes, so that no replay holds up what is being written.
    private let readLoop: EventLoop
    /// The bytes that wait to be written.
    let queuedByteCount = Atomic<Int>(0)
    let writtenByteCount = Counter()
    let failures = Counter()
    private let nextWriter = Atomic<UInt64>(1)
    private let syncInterval: Duration
    private let queue = Mutex(Queue())
    /// Touched by the volume's own thread only; the lock is never contended.
    private let state = Mutex(State())

    /// Opens a volume below `root`, which is made where it is missing.
    init(root: String, syncInterval: Duration) throws(SystemCallError) {
        self.root = root
        self.syncInterval = syncInterval
        try FileSystem.makeFolder(root)
        loop = EventLoop(name: "volume")
        readLoop = EventLoop(name: "volume-reader")
        loop.execute {
            self.scheduleWrites()
            self.scheduleSync()
        }
    }

    /// Names a writer that `make` creates on the volume's thread before its first part.
    func addWriter(_ make: sending @escaping () -> TrackLogWriter) -> UInt64 {
        let id = nextWriter.wrappingAdd(1, ordering: .relaxed).oldValue
        let make = UncheckedSend(value: make)
        queue.withLock { $0.makers.append((id, make)) }
        return id
    }

    /// Writes a part, soon; `completion` is called on the volume's thread.
    func append(
        _ part: PackagedPart,
        writer id: UInt64,
        completion: @escaping @Sendable (Result<StoredRange, SystemCallError>) -> Void
    ) {
        let byteCount = part.bytes.count
        guard queuedByteCount.load(ordering: .relaxed) + byteCount <= Self.queueByteLimit else {
            failures.increment()
            return completion(.failure(SystemCallError(call: "queue", code: ENOBUFS)))
        }
        queuedByteCount.wrappingAdd(byteCount, ordering: .relaxed)
        queue.withLock { $0.writes.append(Write(part: part, writer: id, completion: completion)) }
    }

    /// Closes a writer after what has been queued for it.
    func removeWriter(_ id: UInt64, completion: @escaping @Sendable () -> Void = {}) {
        loop.execute {
            self.writeQueued()
            self.state.withLock { state in
                guard let writer = state.writers.removeValue(forKey: id) else { return }
                for descriptor in writer.descriptors {
                    _ = fdatasync(descriptor)
                    state.dirty.remove(descriptor)
                }
            }
            completion()
        }
    }

    /// Runs other work on files in its turn.
    func perform(_ work: @escaping @Sendable () -> Void) { loop.execute(work) }

    /// Whether a file can be made on the volume.
    func isWritable() async -> Bool {
        let root = root
        return await reading {
            let path = "\(root)/.writable"
            return (try? FileSystem.replace(path, with: [1])) != nil
        }
    }

    /// Suspends until everything queued so far has been written, durable or not.
    func written() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.writeQueued()
                continuation.resume()
            }
        }
    }

    /// Suspends until everything queued so far is written and durable.
    func drained() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.synchronise()
                continuation.resume()
            }
        }
    }

    /// Runs work that only reads files, off the writing thread, and returns its result.
    func reading<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            read { continuation.resume(returning: work()) }
        }
    }

    /// Runs work that only reads files, off the writing thread, in its turn.
    func read(_ work: @escaping @Sendable () -> Void) { readLoop.execute(work) }

    private func scheduleWrites() {
        loop.schedule(after: min(syncInterval, Self.longestGathering)) {
            self.writeQueued()
            self.scheduleWrites()
        }
    }

    private func writeQueued() {
        var taken = Queue()
        queue.withLock { swap(&$0, &taken) }
        state.withLock { state in
            for (id, make) in taken.makers { state.writers[id] = make.value() }
        }
        for (writer, group) in Dictionary(grouping: taken.writes, by: \.writer) {
            let result = write(group.map(\.part), writer: writer)
            for (index, item) in group.enumerated() {
                queuedByteCount.wrappingSubtract(item.part.bytes.count, ordering: .relaxed)
                item.completion(result.map { $0[index] })
            }
        }
    }

    private func write(
        _ parts: [PackagedPart],
        writer id: UInt64
    ) -> Result<[StoredRange], SystemCallError> {
        state.withLock { state in
            guard let writer = state.writers[id] else {
                return .failure(SystemCallError(call: "write", code: EBADF))
            }
            do throws(SystemCallError) {
                let ranges = try writer.append(parts)
                state.dirty.formUnion(writer.descriptors)
                if let folder = writer.takeChangedFolder() { state.folders.insert(folder) }
                writtenByteCount.increment(by: ranges.reduce(0) { $0 + $1.byteCount })
                return .success(ranges)
            } catch {
                failures.increment()
                return .failure(error)
            }
        }
    }

    private func scheduleSync() {
        loop.schedule(after: syncInterval) {
            self.synchronise()
            self.scheduleSync()
        }
    }

    private func synchronise() {
        writeQueued()
        let (dirty, folders) = state.withLock { state in
            defer { (state.dirty, state.folders) = ([], []) }
            return (state.dirty, state.folders)
        }
        guard let first = dirty.first else { return }
        if dirty.count + folders.count > Self.singleSyncLimit {
            _ = cplatform_syncfs(first)
        } else {
            for descriptor in dirty { _ = fdatasync(descriptor) }
            for folder in folders { FileSystem.synchronise(folder) }
        }
    }
}

/// Hands a closure to the one thread that will ever call it.
private struct UncheckedSend<Value>: @unchecked Sendable {
    // SAFETY: the value was `sending`: nobody else holds it.
    let value: Value
}
