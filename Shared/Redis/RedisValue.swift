/// One reply of Redis, copied out of the client library.
public enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case status(String)
    case bytes([UInt8])
    case array([RedisValue])
    case error(String)

    /// Whether there is no value.
    public var isNull: Bool { self == .null }

    /// The bytes of a bulk string or of a status.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .status(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The text of a bulk string or of a status; ill-formed UTF-8 is repaired.
    public var string: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        default: nil
        }
    }

    /// The number of an integer reply, or of a string that spells one.
    public var integer: Int64? {
        if case .integer(let value) = self { return value }
        return string.flatMap { Int64($0) }
    }

    /// The elements of an array.
    public var array: [RedisValue]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    /// The pairs of a flat array of names and values, as HGETALL and stream entries have them.
    public var pairs: [(name: String, value: RedisValue)]? {
        guard let elements = array, elements.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: elements.count, by: 2).compactMap { index in
            elements[index].string.map { ($0, elements[index + 1]) }
        }
    }
}
