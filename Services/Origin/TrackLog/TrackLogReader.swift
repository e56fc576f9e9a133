import Media
import Sockets

/// Reads what is valid of the track logs in one session's folder.
struct TrackLogReader {
    /// A part that is stored.
    struct Entry: Equatable, Sendable {
        var record: IndexRecord
        var range: StoredRange
    }

    /// What is valid of one track.
    struct Log: Equatable, Sendable {
        var entries: [Entry] = []
        /// What the next owner writes into the header of its first extent.
        var cut: ExtentHeader.Cut?
    }

    /// The data at the end of a log whose checksums are verified; what is older has long reached the disk.
    static let verifiedByteCount: UInt64 = 32 << 20
    /// The largest index that is read: 10 min of parts are 200 KB.
    private static let indexLimit = 64 << 20

    var folder: String

    /// The number that no owner has had yet.
    var nextEpoch: UInt32 {
        (extents.map(\.epoch).max() ?? 0) &+ 1
    }

    private var extents: [ExtentName] {
        FileSystem.names(in: folder).compactMap(ExtentName.init(indexFile:)).sorted()
    }

    /// Reads the logs of all tracks: of each the longest prefix whose checksums hold.
    ///
    /// - Parameter verifies: Whether the data of the last parts is read and verified too.
    func logs(verifies: Bool) -> [TrackID: Log] {
        var logs: [TrackID: Log] = [:]
        for (track, names) in Dictionary(grouping: extents, by: \.track) {
            logs[track] = log(of: names.sorted(), verifies: verifies)
        }
        return logs
    }

    private func log(of names: [ExtentName], verifies: Bool) -> Log {
        let extents = names.map { (name: $0, contents: contents(of: $0)) }
        var cuts: [ExtentName: UInt64] = [:]
        for extent in extents {
            guard let cut = extent.contents?.header.cut else { continue }
            let cutName = ExtentName(track: extent.name.track, epoch: cut.epoch, number: cut.number)
            cuts[cutName] = cut.records
        }
        var log = Log()
        for extent in extents {
            guard let contents = extent.contents else { continue }
            let limit = cuts[extent.name].map { Int(clamping: $0) } ?? contents.records.count
            var kept: [Entry] = []
            for record in contents.records.prefix(limit) {
                let range = StoredRange(
                    extent: extent.name,
                    offset: record.offset,
                    byteCount: UInt64(record.byteCount)
                )
                kept.append(Entry(record: record, range: range))
            }
            let isLast = extent.name == extents.last { $0.contents != nil }?.name
            if verifies && isLast { kept = verified(kept, of: extent.name) }
            log.cut = .init(epoch: extent.name.epoch, number: extent.name.number, records: UInt64(kept.count))
            let newest = log.entries.last?.record.head.id
            log.entries += kept.drop { entry in newest.map { entry.record.head.id <= $0 } ?? false }
        }
        return log
    }

    private func contents(of name: ExtentName) -> (header: ExtentHeader, records: [IndexRecord])? {
        let path = folder + "/" + name.file(.index)
        guard let bytes = try? FileSystem.contents(of: path, limit: Self.indexLimit),
            bytes.count >= ExtentHeader.byteCount,
            let header = ExtentHeader(bytes[..<ExtentHeader.byteCount]), header.name == name
        else { return nil }
        var records: [IndexRecord] = []
        for start in stride(from: ExtentHeader.byteCount, to: bytes.count, by: IndexRecord.byteCount) {
            let end = start + IndexRecord.byteCount
            guard end <= bytes.count, let record = IndexRecord(bytes[start..<end], track: name.track) else {
                break
            }
            if let last = records.last, record.head.id <= last.head.id { break }
            records.append(record)
        }
        return (header, records)
    }

    /// Cuts a log at the first of its last parts whose data or rows are not as the index says.
    private func verified(_ entries: [Entry], of name: ExtentName) -> [Entry] {
        guard let last = entries.last,
            let data = try? FileSystem.openForReading(folder + "/" + name.file(.data)),
            let samples = try? FileSystem.openForReading(folder + "/" + name.file(.samples)),
            let rowBytes = try? FileSystem.size(of: samples.rawValue)
        else { return [] }
        let end = last.range.offset &+ last.range.byteCount
        let start = end > Self.verifiedByteCount ? end - Self.verifiedByteCount : 0
        let valid = entries.prefix { entry in
            let rowEnd = (entry.record.firstRow &+ UInt64(entry.record.sampleCount))
                .multipliedReportingOverflow(
                    by: UInt64(SampleRow.byteCount)
                )
            guard !rowEnd.overflow, rowEnd.partialValue <= UInt64(clamping: rowBytes) else { return false }
            if entry.range.offset < start { return true }
            let bytes = try? FileSystem.read(
                data.rawValue,
                offset: Int64(clamping: entry.range.offset),
                count: Int(entry.range.byteCount)
            )
            guard let bytes, bytes.count == Int(entry.range.byteCount) else { return false }
            return Checksum.crc32c(bytes) == entry.record.chunkChecksum
        }
        return Array(valid)
    }
}
