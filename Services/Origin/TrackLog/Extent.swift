import Bytes
import Media

/// The name of one extent: a run of a track log that one owner alone has written.
struct ExtentName: Hashable, Comparable, Sendable {
    enum Suffix: String, CaseIterable {
        case data = ".cmaf"
        case index = ".index"
        case samples = ".samples"
    }

    var track: TrackID
    /// The owner's number; the storage hands out each once.
    var epoch: UInt32
    /// Counts the extents of one owner from 0.
    var number: UInt32

    static func < (lhs: ExtentName, rhs: ExtentName) -> Bool {
        (lhs.track, lhs.epoch, lhs.number) < (rhs.track, rhs.epoch, rhs.number)
    }

    func file(_ suffix: Suffix) -> String { "\(track).\(epoch).\(number)\(suffix.rawValue)" }

    init(track: TrackID, epoch: UInt32, number: UInt32) {
        self.track = track
        self.epoch = epoch
        self.number = number
    }

    /// Reads the name of an `.index` file.
    init?(indexFile name: String) {
        guard name.hasSuffix(Suffix.index.rawValue) else { return nil }
        let parts = name.dropLast(Suffix.index.rawValue.count).split(
            separator: ".",
            omittingEmptySubsequences: false
        )
        guard parts.count == 3, let track = UInt16(parts[0]), let epoch = UInt32(parts[1]),
            let number = UInt32(parts[2])
        else { return nil }
        self.init(track: TrackID(rawValue: track), epoch: epoch, number: number)
    }
}

/// The first 80 bytes of an `.index` file: whose it is, and how much of the extent before it counts.
struct ExtentHeader: Equatable, Sendable {
    static let byteCount = IndexRecord.byteCount
    private static let magic: UInt32 = 0x474c_544d  // "MTLG"
    private static let version: UInt32 = 1

    /// How many records of an older extent are valid; what its owner wrote later does not count.
    struct Cut: Equatable, Sendable {
        var epoch: UInt32
        var number: UInt32
        var records: UInt64
    }

    var name: ExtentName
    var cut: Cut?

    var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.byteCount)
        writer.writeLittleEndian(Self.magic)
        writer.writeLittleEndian(Self.version)
        writer.writeLittleEndian(UInt32(name.track.rawValue))
        writer.writeLittleEndian(name.epoch)
        writer.writeLittleEndian(name.number)
        writer.writeLittleEndian(UInt32(cut == nil ? 0 : 1))
        writer.writeLittleEndian(cut?.epoch ?? 0)
        writer.writeLittleEndian(cut?.number ?? 0)
        writer.writeLittleEndian(cut?.records ?? 0)
        writer.writeZeros(Self.byteCount - 4 - writer.count)
        writer.writeLittleEndian(Checksum.crc32c(writer.bytes))
        return writer.bytes
    }

    init(name: ExtentName, cut: Cut?) {
        self.name = name
        self.cut = cut
    }

    /// Reads a header, or returns `nil` where it is none.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        let array = Array(bytes)
        var reader = ByteReader(array.span)
        do throws(ByteReader.Failure) {
            guard try reader.readLittleEndian(UInt32.self) == Self.magic,
                try reader.readLittleEndian(UInt32.self) == Self.version
            else { return nil }
            let track = TrackID(
                rawValue: UInt16(truncatingIfNeeded: try reader.readLittleEndian(UInt32.self))
            )
            name = ExtentName(
                track: track,
                epoch: try reader.readLittleEndian(),
                number: try reader.readLittleEndian()
            )
            let hasCut = try reader.readLittleEndian(UInt32.self) == 1
            let stated = Cut(
                epoch: try reader.readLittleEndian(),
                number: try reader.readLittleEndian(),
                records: try reader.readLittleEndian()
            )
            cut = hasCut ? stated : nil
            try reader.skip(Self.byteCount - 4 - reader.offset)
            let checksum: UInt32 = try reader.readLittleEndian()
            guard checksum == Checksum.crc32c(Array(array.dropLast(4))) else { return nil }
        } catch {
            return nil
        }
    }
}
