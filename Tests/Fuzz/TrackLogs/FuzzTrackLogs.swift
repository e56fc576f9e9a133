import Bytes
import FuzzDriver
import Media

// `IndexRecord.swift` beside this file leads to that of Origin, which is a program and cannot be imported.

/// Reads any bytes as a record and as rows of a track log, with a right checksum too, and wants them back.
@main enum FuzzTrackLogs {
    static func main() {
        FuzzDriver.run { span in
            let bytes = [UInt8](copying: span)
            check(bytes[...])
            var record = Array(bytes.prefix(IndexRecord.byteCount - 4))
            record += [UInt8](repeating: 0, count: IndexRecord.byteCount - 4 - record.count)
            var writer = ByteWriter()
            writer.writeLittleEndian(Checksum.crc32c(record))
            record += writer.bytes
            precondition(check(record[...]))
            record[bytes.count % record.count] ^= 1
            precondition(!check(record[...]))
            let whole = bytes.count / SampleRow.byteCount * SampleRow.byteCount
            precondition(SampleRow.bytes(of: SampleRow.samples(of: bytes)).elementsEqual(bytes[..<whole]))
        }
    }

    /// Whether the bytes are a record, which then is what it was read from.
    @discardableResult private static func check(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let record = IndexRecord(bytes, track: TrackID(rawValue: 1)) else { return false }
        precondition(record.bytes.elementsEqual(bytes))
        return true
    }
}
