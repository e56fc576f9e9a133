import Bytes
import CPlatform
import ISOBMFF
import Media

/// One part of a track log, as its `.index` file has it: 80 bytes, little-endian.
struct IndexRecord: Equatable, Sendable {
    static let byteCount = 80

    var head: PartHead
    /// Where the chunk begins in the `.cmaf` file.
    var offset: UInt64
    /// The length of the chunk.
    var byteCount: UInt32
    /// The number of samples.
    var sampleCount: UInt16
    /// The first sample's row in the `.samples` file.
    var firstRow: UInt64
    /// CRC-32C of the chunk.
    var chunkChecksum: UInt32

    var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.byteCount)
        writer.writeLittleEndian(head.id.mediaSequence)
        writer.writeLittleEndian(head.id.part)
        writer.writeLittleEndian(head.flags.rawValue)
        writer.writeLittleEndian(offset)
        writer.writeLittleEndian(byteCount)
        writer.writeLittleEndian(head.decodeTime)
        writer.writeLittleEndian(head.duration)
        writer.writeLittleEndian(sampleCount)
        writer.writeLittleEndian(head.generation)
        writer.writeLittleEndian(head.discontinuitySequence)
        writer.writeLittleEndian(head.lastSequence)
        writer.writeLittleEndian(head.position.epoch)
        writer.writeLittleEndian(head.position.counter)
        writer.writeLittleEndian(firstRow)
        writer.writeLittleEndian(head.programDateTime)
        writer.writeLittleEndian(chunkChecksum)
        writer.writeLittleEndian(Checksum.crc32c(writer.bytes))
        return writer.bytes
    }

    /// Reads a record, or returns `nil` where its checksum does not hold.
    init?(_ bytes: ArraySlice<UInt8>, track: TrackID) {
        guard bytes.count == Self.byteCount else { return nil }
        let array = Array(bytes)
        var reader = ByteReader(array.span)
        do throws(ByteReader.Failure) {
            let id = PartID(mediaSequence: try reader.readLittleEndian(), part: try reader.readLittleEndian())
            let flags = PartHead.Flags(rawValue: try reader.readLittleEndian())
            offset = try reader.readLittleEndian()
            byteCount = try reader.readLittleEndian()
            let decodeTime: Int64 = try reader.readLittleEndian()
            let duration: UInt32 = try reader.readLittleEndian()
            sampleCount = try reader.readLittleEndian()
            let generation: UInt16 = try reader.readLittleEndian()
            let discontinuitySequence: UInt32 = try reader.readLittleEndian()
            let lastSequence: UInt32 = try reader.readLittleEndian()
            let position = BusPosition(
                epoch: try reader.readLittleEndian(),
                counter: try reader.readLittleEndian()
            )
            firstRow = try reader.readLittleEndian()
            let programDateTime: Int64 = try reader.readLittleEndian()
            chunkChecksum = try reader.readLittleEndian()
            let checksum: UInt32 = try reader.readLittleEndian()
            guard checksum == Checksum.crc32c(Array(array.dropLast(4))) else { return nil }
            head = PartHead(
                track: track,
                id: id,
                generation: generation,
                flags: flags,
                discontinuitySequence: discontinuitySequence,
                decodeTime: decodeTime,
                duration: duration,
                programDateTime: programDateTime,
                lastSequence: lastSequence,
                position: position
            )
        } catch {
            return nil
        }
    }

    init(
        head: PartHead,
        offset: UInt64,
        byteCount: UInt32,
        sampleCount: UInt16,
        firstRow: UInt64,
        chunkChecksum: UInt32
    ) {
        self.head = head
        self.offset = offset
        self.byteCount = byteCount
        self.sampleCount = sampleCount
        self.firstRow = firstRow
        self.chunkChecksum = chunkChecksum
    }
}

/// One sample of a track log, as its `.samples` file has it: 16 bytes, little-endian.
enum SampleRow {
    static let byteCount = 16

    static func bytes(of samples: [MovieFragment.Sample]) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: samples.count * byteCount)
        for sample in samples {
            writer.writeLittleEndian(sample.byteCount)
            writer.writeLittleEndian(sample.duration)
            writer.writeLittleEndian(sample.compositionOffset)
            writer.writeLittleEndian(sample.flags.rawValue)
        }
        return writer.bytes
    }

    /// Reads whole rows; what is left over at the end is not a row.
    static func samples(of bytes: [UInt8]) -> [MovieFragment.Sample] {
        var samples: [MovieFragment.Sample] = []
        samples.reserveCapacity(bytes.count / byteCount)
        var reader = ByteReader(bytes.span)
        while reader.remaining >= byteCount {
            guard let size = try? reader.readLittleEndian(UInt32.self),
                let duration = try? reader.readLittleEndian(UInt32.self),
                let offset = try? reader.readLittleEndian(Int32.self),
                let flags = try? reader.readLittleEndian(UInt32.self)
            else { break }
            samples.append(
                .init(
                    byteCount: size,
                    duration: duration,
                    compositionOffset: offset,
                    flags: SampleFlags(rawValue: flags)
                )
            )
        }
        return samples
    }
}

/// The checksum of track logs.
enum Checksum {
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { buffer in
            // SAFETY: the function only reads the buffer, within its length.
            unsafe cplatform_crc32c(0, buffer.baseAddress, buffer.count)
        }
    }
}
