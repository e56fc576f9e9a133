@testable import RTMP

/// Writes messages into chunks as `RTMP_SendPacket` of librtmp does, which OBS has a copy of; made after its
/// source and compared with what it sent, not after our own writer.
struct Librtmp {
    /// The least of a header that it is asked to write.
    enum Header {
        /// `RTMP_PACKET_SIZE_LARGE`.
        case whole
        /// `RTMP_PACKET_SIZE_MEDIUM`, also where its channel was never used; shortened where it can be.
        case shortened
    }

    private struct Packet {
        var time: UInt32
        var byteCount: Int
        var type: UInt8
    }

    /// 128 by itself; OBS sets 4096.
    var chunkSize = 128
    private var previous: [UInt8: Packet] = [:]

    /// The chunks of a message; continuing ones never repeat an extended time.
    mutating func chunks(of message: RawMessage, on channel: UInt8, _ header: Header) -> [UInt8] {
        let packet = Packet(time: message.timestamp, byteCount: message.payload.count, type: message.type)
        let format = format(of: packet, after: previous[channel], header)
        let last = header == .whole ? 0 : previous[channel]?.time ?? 0
        previous[channel] = packet
        let time = packet.time &- last
        var bytes = [format << 6 | channel]
        if format < 3 { bytes += Self.bigEndian(min(time, 0xff_ffff)).suffix(3) }
        if format < 2 { bytes += Self.bigEndian(UInt32(packet.byteCount)).suffix(3) + [packet.type] }
        if format == 0 { bytes += Self.bigEndian(message.streamID).reversed() }
        if format < 3, time >= 0xff_ffff { bytes += Self.bigEndian(time) }
        var rest = message.payload[...]
        bytes += rest.prefix(chunkSize)
        rest = rest.dropFirst(chunkSize)
        while !rest.isEmpty {
            bytes += [0xc0 | channel] + rest.prefix(chunkSize)
            rest = rest.dropFirst(chunkSize)
        }
        return bytes
    }

    private func format(of packet: Packet, after last: Packet?, _ header: Header) -> UInt8 {
        guard header == .shortened else { return 0 }
        guard let last, last.byteCount == packet.byteCount, last.type == packet.type else { return 1 }
        return last.time == packet.time ? 3 : 2
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
