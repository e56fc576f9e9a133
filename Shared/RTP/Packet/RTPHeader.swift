/// The fields that every RTP packet begins with (RFC 3550 §5.1).
public struct RTPHeader: Sendable, Equatable {
    /// Bytes of the fields, without contributing sources and extensions.
    public static let byteCount = 12
    /// The only version there is.
    static let version: UInt8 = 2

    /// The last packet of an access unit, or the first after silence.
    public var hasMarker: Bool
    /// What the payload is, by the number that was negotiated; seven bits.
    public var payloadType: UInt8
    /// Counts packets, wrapping.
    public var sequenceNumber: UInt16
    /// When the first byte of the payload was sampled, in the clock rate of the payload, wrapping.
    public var timestamp: UInt32
    /// The synchronization source.
    public var ssrc: UInt32

    /// Creates a header.
    public init(
        hasMarker: Bool = false,
        payloadType: UInt8,
        sequenceNumber: UInt16,
        timestamp: UInt32,
        ssrc: UInt32
    ) {
        self.hasMarker = hasMarker
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
    }

    /// Bytes that the header takes together with `extensions`.
    public static func byteCount(with extensions: HeaderExtensionBlock?) -> Int {
        byteCount + (extensions?.bytes.count ?? 0)
    }

    /// Writes the header and `extensions` at the start of `bytes`.
    ///
    /// - Returns: the number of bytes written, which is where the payload begins.
    /// - Precondition: `bytes` has room for ``byteCount(with:)``.
    @discardableResult
    public func write(into bytes: inout MutableSpan<UInt8>, extensions: HeaderExtensionBlock? = nil) -> Int {
        bytes[0] = Self.version << 6 | (extensions == nil ? 0 : 0x10)
        bytes[1] = payloadType & 0x7f | (hasMarker ? 0x80 : 0)
        bytes.store(sequenceNumber, at: 2)
        bytes.store(timestamp, at: 4)
        bytes.store(ssrc, at: 8)
        guard let extensions else { return Self.byteCount }
        for index in extensions.bytes.indices { bytes[Self.byteCount + index] = extensions.bytes[index] }
        return Self.byteCount + extensions.bytes.count
    }

    /// Returns one packet: the header, `extensions`, then `payload`.
    public func packet(extensions: HeaderExtensionBlock? = nil, payload: Span<UInt8>) -> [UInt8] {
        let start = Self.byteCount(with: extensions)
        var packet = [UInt8](repeating: 0, count: start + payload.count)
        var span = packet.mutableSpan
        write(into: &span, extensions: extensions)
        for index in payload.indices { span[start + index] = payload[index] }
        return packet
    }
}

extension MutableSpan<UInt8> {
    /// Stores `value` in big-endian order at `offset`.
    @_lifetime(self: copy self)
    mutating func store(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Stores `value` in big-endian order at `offset`.
    @_lifetime(self: copy self)
    mutating func store(_ value: UInt32, at offset: Int) {
        store(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        store(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}

extension Span<UInt8> {
    /// Reads two bytes in big-endian order; both must be there.
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// Reads four bytes in big-endian order; all must be there.
    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian16(at: offset)) << 16 | UInt32(bigEndian16(at: offset + 2))
    }
}
