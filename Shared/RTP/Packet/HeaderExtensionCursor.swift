/// Walks over the elements of a header extension, of one-byte or two-byte form (RFC 8285 §4.2, §4.3).
public struct HeaderExtensionCursor: Sendable {
    /// One element.
    public struct Element: Sendable, Equatable {
        /// The number that was negotiated for what it means.
        public var id: UInt8
        /// Where its data lie in the packet.
        public var range: Range<Int>
    }

    /// `extensionProfile` of the one-byte form.
    static let oneByteProfile: UInt16 = 0xbede
    /// `extensionProfile` of the two-byte form, whose last four bits are the application's.
    static let twoByteProfile: UInt16 = 0x1000

    private let isOneByte: Bool
    private var position: Int
    private let end: Int

    /// Creates a cursor at the first element of `packet`; one of an unknown profile has none.
    public init(_ packet: RTPPacket) {
        isOneByte = packet.extensionProfile == Self.oneByteProfile
        let isKnown = isOneByte || packet.extensionProfile & 0xfff0 == Self.twoByteProfile
        position = packet.extensionRange.lowerBound
        end = isKnown ? packet.extensionRange.upperBound : position
    }

    /// Returns the next element, or `nil` behind the last one that makes sense.
    ///
    /// - Precondition: `bytes` are those that the packet was parsed from.
    public mutating func next(in bytes: Span<UInt8>) -> Element? {
        while position < end, bytes[position] == 0 { position += 1 }
        guard position < end else { return nil }
        return isOneByte ? nextOneByte(in: bytes) : nextTwoByte(in: bytes)
    }

    private mutating func nextOneByte(in bytes: Span<UInt8>) -> Element? {
        let head = bytes[position]
        // An ID of 0 with a length, and the ID 15, end the extension.
        guard head >> 4 != 0, head >> 4 != 15 else { return stop() }
        return element(id: head >> 4, from: position + 1, count: Int(head & 15) + 1)
    }

    private mutating func nextTwoByte(in bytes: Span<UInt8>) -> Element? {
        guard position + 1 < end else { return stop() }
        return element(id: bytes[position], from: position + 2, count: Int(bytes[position + 1]))
    }

    private mutating func element(id: UInt8, from start: Int, count: Int) -> Element? {
        guard count <= end - start else { return stop() }
        position = start + count
        return Element(id: id, range: start..<position)
    }

    private mutating func stop() -> Element? {
        position = end
        return nil
    }
}
