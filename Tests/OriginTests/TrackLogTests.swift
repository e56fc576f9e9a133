import Foundation
import Media
import TestSupport
import Testing

@testable import Origin

@Suite struct TrackLogTests {
    let parts: [PackagedPart]
    let track = TrackID(rawValue: 1)

    init() throws {
        parts = try SyntheticStream.make(seconds: 5).parts().filter { $0.head.track.rawValue == 1 }
    }

    func writer(
        _ folder: URL,
        epoch: UInt32 = 1,
        cut: ExtentHeader.Cut? = nil,
        limit: UInt64 = 1 << 30
    ) -> TrackLogWriter {
        TrackLogWriter(
            folder: folder.path,
            name: ExtentName(track: track, epoch: epoch, number: 0),
            cut: cut,
            timescale: 48_000,
            limits: .init(byteCount: limit, seconds: 600)
        )
    }

    func heads(_ folder: URL) -> [PartHead] {
        TrackLogReader(folder: folder.path).logs(verifies: true)[track]?.entries.map(\.record.head) ?? []
    }

    @Test func `reads back what was written`() throws {
        let folder = try TemporaryFolder.make("log")
        let writer = writer(folder)
        let ranges = try writer.append(parts)
        let log = try #require(TrackLogReader(folder: folder.path).logs(verifies: true)[track])
        #expect(log.entries.map(\.record.head) == parts.map(\.head))
        #expect(log.entries.map(\.range) == ranges)
        let data = try Data(contentsOf: folder.appendingPathComponent("1.1.0.cmaf"))
        #expect([UInt8](data) == parts.flatMap(\.bytes))
        let rows = try Data(contentsOf: folder.appendingPathComponent("1.1.0.samples"))
        #expect(SampleRow.samples(of: [UInt8](rows)) == parts.flatMap(\.samples))
    }

    @Test func `an index record has the bytes of its description`() {
        let record = IndexRecord(
            head: PartHead(
                track: track,
                id: PartID(mediaSequence: 1, part: 2),
                generation: 3,
                flags: [.independent, .segmentEnd],
                discontinuitySequence: 4,
                decodeTime: 5,
                duration: 6,
                programDateTime: 7,
                lastSequence: 8,
                position: BusPosition(epoch: 9, counter: 10)
            ),
            offset: 11,
            byteCount: 12,
            sampleCount: 13,
            firstRow: 14,
            chunkChecksum: 15
        )
        let bytes = record.bytes
        #expect(bytes.count == 80)
        #expect(
            Array(bytes[..<76]) == [
                1, 0, 0, 0, 2, 0, 3, 0, 11, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0,
                0,
                13, 0, 3, 0, 4, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 0, 0,
                0, 0,
                7, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0,
            ]
        )
        #expect(IndexRecord(bytes[...], track: track) == record)
    }

    @Test func `extents are closed between segments only`() throws {
        let folder = try TemporaryFolder.make("log")
        let writer = writer(folder, limit: 1)
        let ranges = try writer.append(parts)
        for (part, range) in zip(parts, ranges) {
            #expect(range.extent.number == part.head.id.mediaSequence)
        }
        #expect(heads(folder) == parts.map(\.head))
    }

    @Test func `a log cut at any byte gives its longest valid prefix`() throws {
        let few = Array(parts.prefix(4))
        for suffix in ExtentName.Suffix.allCases {
            let whole = try TemporaryFolder.make("log")
            let writer = writer(whole)
            _ = try writer.append(few)
            let file = whole.appendingPathComponent("1.1.0\(suffix.rawValue)")
            let bytes = try Data(contentsOf: file)
            // Every byte of index and samples; of the data every 37th.
            for count in stride(from: bytes.count - 1, through: 0, by: suffix == .data ? -37 : -1) {
                try bytes.prefix(count).write(to: file)
                let found = heads(whole)
                #expect(found == Array(few.map(\.head).prefix(found.count)))
                #expect(found.count < few.count)
            }
        }
    }

    @Test func `a flipped bit ends the valid prefix before it`() throws {
        let few = Array(parts.prefix(3))
        for suffix in [ExtentName.Suffix.data, .index] {
            let folder = try TemporaryFolder.make("log")
            let writer = writer(folder)
            _ = try writer.append(few)
            let file = folder.appendingPathComponent("1.1.0\(suffix.rawValue)")
            let bytes = try Data(contentsOf: file)
            for index in stride(from: 0, to: bytes.count, by: suffix == .data ? 41 : 1) {
                var flipped = bytes
                flipped[index] ^= 0x10
                try flipped.write(to: file)
                let found = heads(folder)
                #expect(found.count < few.count)
                #expect(found == Array(few.map(\.head).prefix(found.count)))
            }
        }
    }

    @Test func `what an old owner writes after a new one has begun does not count`() throws {
        let folder = try TemporaryFolder.make("log")
        let old = writer(folder)
        _ = try old.append(Array(parts[..<5]))
        let reader = TrackLogReader(folder: folder.path)
        let log = try #require(reader.logs(verifies: true)[track])
        #expect(reader.nextEpoch == 2)
        let new = writer(folder, epoch: reader.nextEpoch, cut: log.cut)
        _ = try new.append(Array(parts[5..<7]))
        // The old owner has not noticed yet.
        _ = try old.append(Array(parts[5..<10]))
        _ = try new.append(Array(parts[7...]))
        let found = try #require(TrackLogReader(folder: folder.path).logs(verifies: true)[track])
        #expect(found.entries.map(\.record.head) == parts.map(\.head))
        #expect(
            found.entries.map(\.range.extent.epoch) == Array(repeating: 1, count: 5)
                + Array(repeating: 2, count: parts.count - 5)
        )
    }

    @Test func `two owners cannot have one number`() throws {
        let folder = try TemporaryFolder.make("log")
        _ = try writer(folder).append([parts[0]])
        #expect(throws: (any Error).self) { try writer(folder).append([parts[0]]) }
    }

    @Test func `foreign files in the folder are passed over`() throws {
        let folder = try TemporaryFolder.make("log")
        for name in [
            "x.index", "1.2.index", "1.2.3.4.index", "70000.1.0.index", "1.1.0.index", "-1.0.0.index",
        ] {
            try Data([1, 2, 3]).write(to: folder.appendingPathComponent(name))
        }
        #expect(heads(folder).isEmpty)
        #expect(TrackLogReader(folder: folder.path).nextEpoch == 2)
    }
}
