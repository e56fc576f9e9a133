import FuzzDriver
import RTP

/// Reads any bytes as a packet with header extensions, and writes again what was understood.
@main enum FuzzRTPPackets {
    private static let ids: HeaderExtensionIDs = {
        var ids = HeaderExtensionIDs()
        for (index, kind) in HeaderExtensionKind.allCases.enumerated() { ids[kind] = UInt8(index + 1) }
        return ids
    }()

    static func main() {
        FuzzDriver.run { bytes in
            _ = RTPPacket.isRTCP(bytes)
            guard let packet = try? RTPPacket(parsing: bytes) else { return }
            let payload = packet.payload(in: bytes)
            let extensions = HeaderExtensions(of: packet, in: bytes, ids: ids)
            let block = HeaderExtensionBlock(extensions, ids: ids)
            check(packet.header.packet(extensions: block, payload: payload), packet.header, extensions)
            let original = RetransmissionPayload.original(of: packet, in: bytes, ssrc: 1, payloadType: 2)
            if let original { precondition(original.payload.count == payload.count - 2) }
            _ = RetransmissionPayload.packet(of: packet, in: bytes, header: packet.header, extensions: block)
        }
    }

    private static func check(_ bytes: [UInt8], _ header: RTPHeader, _ extensions: HeaderExtensions) {
        guard let again = try? RTPPacket(parsing: bytes.span) else { preconditionFailure("written wrongly") }
        precondition(again.header == header)
        precondition(HeaderExtensions(of: again, in: bytes.span, ids: ids) == extensions)
    }
}
