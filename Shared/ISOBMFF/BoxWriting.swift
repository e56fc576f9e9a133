import Bytes

extension ByteWriter {
    /// Appends one box around what `body` writes (ISO/IEC 14496-12 §4.2).
    mutating func box(_ type: BoxType, _ body: (inout ByteWriter) -> Void) {
        let start = count
        write(UInt32(0))
        write(type.rawValue)
        body(&self)
        overwrite(at: start, with: UInt32(clamping: count - start))
    }

    /// Appends one full box: a box that begins with a version and 24 bits of flags.
    mutating func fullBox(
        _ type: BoxType,
        version: UInt8 = 0,
        flags: UInt32 = 0,
        _ body: (inout ByteWriter) -> Void
    ) {
        box(type) { writer in
            writer.write(version)
            writer.writeUInt24(flags)
            body(&writer)
        }
    }

    /// Appends a box with the given contents.
    mutating func box(_ type: BoxType, contents: [UInt8]) {
        box(type) { $0.write(contentsOf: contents) }
    }

    /// Appends a `ftyp` or `styp` box.
    mutating func brands(_ type: BoxType, major: BoxType, compatible: [BoxType]) {
        box(type) { writer in
            writer.write(major.rawValue)
            writer.write(UInt32(0))
            for brand in compatible { writer.write(brand.rawValue) }
        }
    }

    /// Appends `text` and a zero.
    mutating func writeCString(_ text: String) {
        write(contentsOf: text.utf8.filter { $0 != 0 })
        write(UInt8(0))
    }
}
