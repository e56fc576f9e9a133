/// A packet within a packet, which brings back one that was lost (RFC 4588 §4).
public enum RetransmissionPayload {
    /// Bytes before the original payload: the number it had.
    public static let headerByteCount = 2

    /// Returns the header that the original packet had and where its payload lies in `bytes`, or `nil` where the
    /// retransmission is padding alone, as senders use it to probe.
    ///
    /// - Parameters:
    ///   - packet: the retransmission, parsed from `bytes`.
    ///   - ssrc: the source of the original.
    ///   - payloadType: the payload type of the original.
    public static func original(
        of packet: RTPPacket,
        in bytes: Span<UInt8>,
        ssrc: UInt32,
        payloadType: UInt8
    ) -> (header: RTPHeader, payload: Range<Int>)? {
        guard packet.payloadRange.count >= headerByteCount else { return nil }
        var header = packet.header
        header.ssrc = ssrc
        header.payloadType = payloadType
        header.sequenceNumber = bytes.bigEndian16(at: packet.payloadRange.lowerBound)
        return (header, packet.payloadRange.dropFirst(headerByteCount))
    }

    /// Writes the packet that brings `packet` back.
    ///
    /// - Parameter header: the header of the retransmission; marker and timestamp are those of the original.
    public static func packet(
        of original: RTPPacket,
        in bytes: Span<UInt8>,
        header: RTPHeader,
        extensions: HeaderExtensionBlock? = nil
    ) -> [UInt8] {
        var header = header
        header.hasMarker = original.header.hasMarker
        header.timestamp = original.header.timestamp
        let start = RTPHeader.byteCount(with: extensions)
        let payload = original.payload(in: bytes)
        var packet = [UInt8](repeating: 0, count: start + headerByteCount + payload.count)
        var span = packet.mutableSpan
        header.write(into: &span, extensions: extensions)
        span.store(original.header.sequenceNumber, at: start)
        for index in payload.indices { span[start + headerByteCount + index] = payload[index] }
        return packet
    }
}
