internal import Bytes

/// Reads AMF0 values one after another from borrowed bytes.
public struct AMF0Decoder: ~Escapable {
    /// The ways bytes can fail to be values.
    public enum Failure: Error, Equatable {
        case truncated
        case unknownMarker(UInt8)
        case tooDeep
        case tooManyValues
        case keyTooLong(Int)
    }

    /// Objects and arrays within each other; more is an attack.
    public static let maximumDepth = 32
    /// Values in one message, nested ones counted.
    public static let maximumValueCount = 4096
    /// Bytes in the name of a property.
    public static let maximumKeyByteCount = 1024

    private var reader: ByteReader
    private var valueCount = 0

    /// Creates a decoder positioned at the first of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        reader = ByteReader(bytes)
    }

    /// Decodes every value in `bytes`.
    public static func values(in bytes: Span<UInt8>) throws(Failure) -> [AMF0Value] {
        var decoder = AMF0Decoder(bytes)
        var values: [AMF0Value] = []
        while let value = try decoder.next() { values.append(value) }
        return values
    }

    /// Decodes values until the end or the first that cannot be read.
    ///
    /// Encoders are known to leave rubbish behind the values that matter.
    public static func leadingValues(in bytes: Span<UInt8>) -> [AMF0Value] {
        var decoder = AMF0Decoder(bytes)
        var values: [AMF0Value] = []
        while let value = try? decoder.next() { values.append(value) }
        return values
    }

    /// Decodes the next value, or returns `nil` at the end.
    @_lifetime(self: copy self)
    public mutating func next() throws(Failure) -> AMF0Value? {
        reader.isAtEnd ? nil : try readValue(depth: 0)
    }

    @_lifetime(self: copy self)
    private mutating func readValue(depth: Int) throws(Failure) -> AMF0Value {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        guard valueCount < Self.maximumValueCount else { throw .tooManyValues }
        valueCount += 1
        let byte = try readInteger(UInt8.self)
        guard let marker = AMF0Marker(rawValue: byte) else { throw .unknownMarker(byte) }
        return try readBody(of: marker, depth: depth)
    }

    @_lifetime(self: copy self)
    private mutating func readBody(of marker: AMF0Marker, depth: Int) throws(Failure) -> AMF0Value {
        switch marker {
        case .number: .number(try readDouble())
        case .boolean: .boolean(try readInteger(UInt8.self) != 0)
        case .string: .string(try readShortString())
        case .object: .object(try readProperties(depth: depth))
        case .null: .null
        case .undefined: .undefined
        case .reference: .reference(try readInteger())
        case .ecmaArray: try readECMAArray(depth: depth)
        case .objectEnd: throw .unknownMarker(AMF0Marker.objectEnd.rawValue)
        case .strictArray: try readStrictArray(depth: depth)
        case .date: .date(milliseconds: try readDouble(), timeZone: try readInteger())
        case .longString: .string(try readLongString())
        case .unsupported: .unsupported
        case .xmlDocument: .xmlDocument(try readLongString())
        case .typedObject:
            .typedObject(name: try readShortString(), try readProperties(depth: depth))
        }
    }

    @_lifetime(self: copy self)
    private mutating func readECMAArray(depth: Int) throws(Failure) -> AMF0Value {
        // The count is a hint that many encoders get wrong; the end marker decides.
        _ = try readInteger(UInt32.self)
        return .ecmaArray(try readProperties(depth: depth))
    }

    @_lifetime(self: copy self)
    private mutating func readStrictArray(depth: Int) throws(Failure) -> AMF0Value {
        let count = Int(try readInteger(UInt32.self))
        // Each value takes at least one byte, so a count that lies fails before anything is read.
        guard count <= reader.remaining else { throw .truncated }
        var values: [AMF0Value] = []
        for _ in 0..<count { values.append(try readValue(depth: depth + 1)) }
        return .strictArray(values)
    }

    @_lifetime(self: copy self)
    private mutating func readProperties(depth: Int) throws(Failure) -> [AMF0Property] {
        var properties: [AMF0Property] = []
        // Some encoders end the message instead of the object.
        while !reader.isAtEnd {
            let keyByteCount = Int(try readInteger(UInt16.self))
            guard keyByteCount <= Self.maximumKeyByteCount else { throw .keyTooLong(keyByteCount) }
            let key = try readText(byteCount: keyByteCount)
            if keyByteCount == 0, try skipObjectEnd() { break }
            properties.append(AMF0Property(key, try readValue(depth: depth + 1)))
        }
        return properties
    }

    @_lifetime(self: copy self)
    private mutating func skipObjectEnd() throws(Failure) -> Bool {
        var ahead = reader
        guard let marker = try? ahead.read(UInt8.self) else { throw .truncated }
        guard marker == AMF0Marker.objectEnd.rawValue else { return false }
        reader = ahead
        return true
    }

    @_lifetime(self: copy self)
    private mutating func readShortString() throws(Failure) -> String {
        try readText(byteCount: Int(try readInteger(UInt16.self)))
    }

    @_lifetime(self: copy self)
    private mutating func readLongString() throws(Failure) -> String {
        try readText(byteCount: Int(try readInteger(UInt32.self)))
    }

    @_lifetime(self: copy self)
    private mutating func readDouble() throws(Failure) -> Double {
        Double(bitPattern: try readInteger())
    }

    @_lifetime(self: copy self)
    private mutating func readText(byteCount: Int) throws(Failure) -> String {
        do throws(ByteReader.Failure) {
            return String(decoding: try reader.takeArray(byteCount), as: UTF8.self)
        } catch {
            throw .truncated
        }
    }

    @_lifetime(self: copy self)
    private mutating func readInteger<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(Failure) -> T {
        do throws(ByteReader.Failure) {
            return try reader.read()
        } catch {
            throw .truncated
        }
    }
}
