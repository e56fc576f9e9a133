import Bytes

/// The RTCP packets of one datagram (RFC 3550 §6.1), of which any may come first (RFC 5506).
public struct RTCPCompound: Sendable, Equatable {
    /// The ways bytes can fail to be RTCP.
    public enum Failure: Error, Equatable, Sendable {
        case truncated
        case wrongVersion(UInt8)
        /// The padding counts no bytes, or more than there are.
        case invalidPadding(Int)
        /// Transport feedback whose statuses make no sense.
        case invalidFeedback
        /// More packets than ``RTCPCompound/packetLimit``.
        case tooManyPackets
        /// Transport feedback on more packets than ``TransportFeedback/maximumPacketCount`` in all.
        case tooMuchFeedback
    }

    /// The most packets of one datagram; browsers send fewer than ten.
    public static let packetLimit = 32

    /// The packets, up to the first that is broken.
    public private(set) var packets: [RTCPPacket] = []
    /// What was wrong with the first that is broken, `nil` where all is well.
    public private(set) var failure: Failure?

    /// Parses a datagram.
    public init(parsing bytes: Span<UInt8>) {
        var position = 0
        var reportedCount = 0
        do throws(Failure) {
            repeat {
                guard packets.count < Self.packetLimit else { throw .tooManyPackets }
                let packet = try Self.packet(in: bytes, at: &position)
                if case .transportFeedback(let feedback) = packet { reportedCount += feedback.deltas.count }
                // Many feedbacks in one datagram would make us do much for twenty bytes each.
                guard reportedCount <= TransportFeedback.maximumPacketCount else { throw .tooMuchFeedback }
                packets.append(packet)
            } while position < bytes.count
        } catch {
            failure = error
        }
    }

    private static func packet(in bytes: Span<UInt8>, at position: inout Int) throws(Failure) -> RTCPPacket {
        guard bytes.count - position >= 4 else { throw .truncated }
        let first = bytes[position]
        guard first >> 6 == RTPHeader.version else { throw .wrongVersion(first >> 6) }
        let byteCount = 4 + 4 * Int(bytes.bigEndian16(at: position + 2))
        guard byteCount <= bytes.count - position else { throw .truncated }
        var end = position + byteCount
        if first & 0x20 != 0 {
            let padding = Int(bytes[end - 1])
            guard padding >= 1, padding <= byteCount - 4 else { throw .invalidPadding(padding) }
            end -= padding
        }
        let body = bytes.extracting(position + 4..<end)
        position += byteCount
        return try RTCPPacket(type: bytes[position - byteCount + 1], format: first & 0x1f, body: body)
    }

    /// Returns `packets` as one datagram.
    public static func bytes(of packets: [RTCPPacket]) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 64 * packets.count)
        for packet in packets { packet.write(to: &writer) }
        return writer.bytes
    }
}
