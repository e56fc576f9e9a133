internal import Bytes

/// Writes AMF0 values one after another.
public struct AMF0Encoder: Sendable {
    private var writer = ByteWriter(reservingCapacity: 256)

    /// Creates an encoder that has written nothing.
    public init() {}

    /// What has been written so far.
    public var bytes: [UInt8] { writer.bytes }

    /// Encodes `values` after each other.
    public static func encode(_ values: [AMF0Value]) -> [UInt8] {
        var encoder = AMF0Encoder()
        for value in values { encoder.write(value) }
        return encoder.bytes
    }

    /// Appends one value.
    public mutating func write(_ value: AMF0Value) {
        switch value {
        case .number(let number):
            mark(.number)
            writer.write(number.bitPattern)
        case .boolean(let flag):
            mark(.boolean)
            writer.write(UInt8(flag ? 1 : 0))
        case .string(let text): write(text)
        case .object(let properties):
            mark(.object)
            write(properties)
        case .null: mark(.null)
        case .undefined: mark(.undefined)
        case .reference(let index):
            mark(.reference)
            writer.write(index)
        case .ecmaArray(let properties):
            mark(.ecmaArray)
            writer.write(UInt32(clamping: properties.count))
            write(properties)
        case .strictArray(let values):
            mark(.strictArray)
            writer.write(UInt32(clamping: values.count))
            for value in values { write(value) }
        case .date(let milliseconds, let timeZone):
            mark(.date)
            writer.write(milliseconds.bitPattern)
            writer.write(timeZone)
        case .unsupported: mark(.unsupported)
        case .xmlDocument(let text):
            mark(.xmlDocument)
            writeLong(text)
        case .typedObject(let name, let properties):
            mark(.typedObject)
            writeShort(name)
            write(properties)
        }
    }

    private mutating func mark(_ marker: AMF0Marker) {
        writer.write(marker.rawValue)
    }

    private mutating func write(_ text: String) {
        if text.utf8.count <= Int(UInt16.max) {
            mark(.string)
            writeShort(text)
        } else {
            mark(.longString)
            writeLong(text)
        }
    }

    private mutating func write(_ properties: [AMF0Property]) {
        for property in properties {
            // What the decoder would refuse is not written either.
            writeShort(property.key, limit: AMF0Decoder.maximumKeyByteCount)
            write(property.value)
        }
        writer.writeUInt24(UInt32(AMF0Marker.objectEnd.rawValue))
    }

    /// Writes at most `limit` bytes of `text`, never a part of a character.
    private mutating func writeShort(_ text: String, limit: Int = Int(UInt16.max)) {
        var bytes = text.utf8.prefix(limit)
        if bytes.count < text.utf8.count {
            while bytes.endIndex.samePosition(in: text.unicodeScalars) == nil { bytes.removeLast() }
        }
        writer.write(UInt16(bytes.count))
        writer.write(contentsOf: bytes)
    }

    private mutating func writeLong(_ text: String) {
        writer.write(UInt32(clamping: text.utf8.count))
        writer.write(contentsOf: text.utf8)
    }
}
