import Glibc
import Media
import Sockets

/// Where bytes lie in a track log.
struct StoredRange: Hashable, Sendable {
    var extent: ExtentName
    var offset: UInt64
    var byteCount: UInt64
}

/// Appends the parts of one track to extents of its own; lives on the volume's thread.
final class TrackLogWriter {
    /// When an extent is closed and the next begins, always between two segments.
    struct Limits: Sendable {
        var byteCount: UInt64 = 256 << 20
        var seconds: Int64 = 600
    }

    private struct Files: ~Copyable {
        var data: FileDescriptor
        var index: FileDescriptor
        var samples: FileDescriptor
    }

    /// What is written together.
    private struct Run {
        var data: [[UInt8]] = []
        var samples: [[UInt8]] = []
        var index: [[UInt8]] = []
    }

    private let folder: String
    private let timescale: UInt32
    private let limits: Limits
    private var name: ExtentName
    private var cut: ExtentHeader.Cut?
    private var files: Files?
    private var offset: UInt64 = 0
    private var rows: UInt64 = 0
    private var records: UInt64 = 0
    private var firstTime: Int64 = 0
    private var hasNewFiles = false

    /// Creates a writer whose extents will be `name` and those counted on from it.
    init(
        folder: String,
        name: ExtentName,
        cut: ExtentHeader.Cut?,
        timescale: UInt32,
        limits: Limits = Limits()
    ) {
        self.folder = folder
        self.name = name
        self.cut = cut
        self.timescale = timescale
        self.limits = limits
    }

    /// The descriptors that hold what has been written, in the order they must reach the disk.
    var descriptors: [CInt] {
        guard files != nil else { return [] }
        return [files?.data.rawValue, files?.samples.rawValue, files?.index.rawValue].compactMap { $0 }
    }

    /// Writes parts, together as far as they go into one extent: their data, then samples, then index.
    ///
    /// - Throws: the system's refusal; after it nothing more must be written.
    func append(_ parts: [PackagedPart]) throws(SystemCallError) -> [StoredRange] {
        var ranges: [StoredRange] = []
        var run = Run()
        for part in parts {
            if part.head.id.part == 0, isFull(before: part) {
                try write(run)
                run = Run()
                closeExtent()
            }
            if files == nil { try openExtent(at: part.head.decodeTime) }
            ranges.append(add(part, to: &run))
        }
        try write(run)
        return ranges
    }

    private func add(_ part: PackagedPart, to run: inout Run) -> StoredRange {
        let record = IndexRecord(
            head: part.head,
            offset: offset,
            byteCount: UInt32(clamping: part.bytes.count),
            sampleCount: UInt16(clamping: part.samples.count),
            firstRow: rows,
            chunkChecksum: Checksum.crc32c(part.bytes)
        )
        run.data.append(part.bytes)
        run.samples.append(SampleRow.bytes(of: part.samples))
        run.index.append(record.bytes)
        defer {
            offset += UInt64(part.bytes.count)
            rows += UInt64(part.samples.count)
            records += 1
        }
        return StoredRange(extent: name, offset: offset, byteCount: UInt64(part.bytes.count))
    }

    private func write(_ run: Run) throws(SystemCallError) {
        let descriptors = descriptors
        guard !run.data.isEmpty, descriptors.count == 3 else { return }
        try FileSystem.append(run.data, to: descriptors[0])
        try FileSystem.append(run.samples, to: descriptors[1])
        try FileSystem.append(run.index, to: descriptors[2])
    }

    private func isFull(before part: PackagedPart) -> Bool {
        guard files != nil else { return false }
        let length = part.head.decodeTime &- firstTime
        return offset >= limits.byteCount || length >= limits.seconds * Int64(timescale)
    }

    private func closeExtent() {
        cut = ExtentHeader.Cut(epoch: name.epoch, number: name.number, records: records)
        name.number += 1
        for descriptor in descriptors { _ = fdatasync(descriptor) }
        files = nil
    }

    private func openExtent(at time: Int64) throws(SystemCallError) {
        try FileSystem.makeFolder(folder)
        // The index is the arbiter: whoever makes it owns the number.
        let index = try FileSystem.create(path(.index))
        let data = try FileSystem.create(path(.data))
        let samples = try FileSystem.create(path(.samples))
        try FileSystem.append(ExtentHeader(name: name, cut: cut).bytes, to: index.rawValue)
        files = Files(data: data, index: index, samples: samples)
        (offset, rows, records, firstTime) = (0, 0, 0, time)
        hasNewFiles = true
    }

    /// The folder, where files have been added to it since the last call.
    func takeChangedFolder() -> String? {
        defer { hasNewFiles = false }
        return hasNewFiles ? folder : nil
    }

    private func path(_ suffix: ExtentName.Suffix) -> String { folder + "/" + name.file(suffix) }
}
