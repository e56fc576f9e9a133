/// A value of Action Message Format 0, in which RTMP writes commands and metadata.
public indirect enum AMF0Value: Sendable, Equatable {
    case number(Double)
    case boolean(Bool)
    /// Short and long strings alike; the encoder picks by length.
    case string(String)
    case object([AMF0Property])
    case null
    case undefined
    /// The index of an earlier complex value, left as it is: following references could make a small message
    /// stand for an endless one.
    case reference(UInt16)
    case ecmaArray([AMF0Property])
    case strictArray([AMF0Value])
    /// Milliseconds since 1970 and a time zone in minutes that the format says to ignore.
    case date(milliseconds: Double, timeZone: Int16)
    case unsupported
    case xmlDocument(String)
    case typedObject(name: String, [AMF0Property])

    /// The number, of a number.
    public var number: Double? {
        if case .number(let number) = self { return number }
        return nil
    }

    /// The text, of a string.
    public var string: String? {
        if case .string(let string) = self { return string }
        return nil
    }

    /// The properties, of an object of any kind or an ECMA array.
    public var properties: [AMF0Property]? {
        switch self {
        case .object(let properties), .ecmaArray(let properties), .typedObject(_, let properties):
            properties
        case .number, .boolean, .string, .null, .undefined, .reference, .strictArray, .date, .unsupported,
            .xmlDocument:
            nil
        }
    }

    /// The first property called `key`, of an object of any kind or an ECMA array.
    public subscript(key: String) -> AMF0Value? {
        properties?.first { $0.key == key }?.value
    }
}

/// One named value of an object, in the order of the wire.
public struct AMF0Property: Sendable, Equatable {
    /// The name.
    public var key: String
    /// The value.
    public var value: AMF0Value

    /// Creates a property.
    public init(_ key: String, _ value: AMF0Value) {
        self.key = key
        self.value = value
    }
}

/// The first byte of every value.
enum AMF0Marker: UInt8 {
    case number = 0x00
    case boolean = 0x01
    case string = 0x02
    case object = 0x03
    case null = 0x05
    case undefined = 0x06
    case reference = 0x07
    case ecmaArray = 0x08
    case objectEnd = 0x09
    case strictArray = 0x0a
    case date = 0x0b
    case longString = 0x0c
    case unsupported = 0x0d
    case xmlDocument = 0x0f
    case typedObject = 0x10
}
