import Bytes

/// The ways bytes can fail to be the boxes that were expected.
public enum BoxFailure: Error, Equatable {
    /// A box or a field ends after its container does.
    case truncated(needed: Int, remaining: Int)
    /// A box says that it is smaller than its own header.
    case malformedSize(type: BoxType, byteCount: UInt64)
    /// A box that must be there is not.
    case missing(BoxType)
    /// A number is beyond what this code accepts.
    case tooMany(BoxType, UInt64)
    /// A full box has a version that this code does not know.
    case unsupportedVersion(BoxType, UInt8)
}

/// One box, borrowed from the bytes that hold it.
public struct Box: ~Escapable {
    /// What the box is.
    public let type: BoxType
    /// Where the box begins in the bytes that the reader was made of.
    public let offset: Int
    /// The length of the size and type fields.
    public let headerByteCount: Int
    /// What follows the header.
    public let contents: Span<UInt8>

    @_lifetime(copy contents)
    init(type: BoxType, offset: Int, headerByteCount: Int, contents: Span<UInt8>) {
        self.type = type
        self.offset = offset
        self.headerByteCount = headerByteCount
        self.contents = contents
    }
}

/// Walks the boxes of one container, without ever reading past it.
public struct BoxReader: ~Escapable {
    private var reader: ByteReader

    /// Creates a reader of the boxes that fill `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        reader = ByteReader(bytes)
    }

    /// The number of bytes walked so far.
    public var offset: Int { reader.offset }

    /// Returns the next box and moves past it, or `nil` at the end.
    @_lifetime(copy self)
    public mutating func next() throws(BoxFailure) -> Box? {
        if reader.isAtEnd { return nil }
        let offset = reader.offset
        let (type, declared) = try readHeader()
        let headerByteCount = reader.offset - offset
        let contentByteCount: Int
        if declared == 0 {
            contentByteCount = reader.remaining
        } else {
            guard declared >= UInt64(headerByteCount) else {
                throw .malformedSize(type: type, byteCount: declared)
            }
            contentByteCount = Int(clamping: declared) - headerByteCount
        }
        guard contentByteCount <= reader.remaining else {
            throw .truncated(needed: contentByteCount, remaining: reader.remaining)
        }
        do {
            let contents = try reader.take(contentByteCount)
            return Box(type: type, offset: offset, headerByteCount: headerByteCount, contents: contents)
        } catch {
            throw BoxFailure(error)
        }
    }

    @_lifetime(self: copy self)
    private mutating func readHeader() throws(BoxFailure) -> (BoxType, UInt64) {
        do {
            let size: UInt32 = try reader.read()
            let type = BoxType(rawValue: try reader.read())
            // A size of 1 announces 64 bits; 0 means "to the end".
            let declared: UInt64 = size == 1 ? max(try reader.read(), 1) : UInt64(size)
            return (type, declared)
        } catch {
            throw BoxFailure(error)
        }
    }
}

extension BoxFailure {
    init(_ failure: ByteReader.Failure) {
        switch failure {
        case .truncated(let needed, let remaining):
            self = .truncated(needed: needed, remaining: remaining)
        }
    }
}
