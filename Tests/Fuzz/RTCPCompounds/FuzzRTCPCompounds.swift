import FuzzDriver
import RTP

/// Reads any bytes as RTCP, and writes again what was understood.
@main enum FuzzRTCPCompounds {
    static func main() {
        FuzzDriver.run { bytes in
            let packets = RTCPCompound(parsing: bytes).packets.filter(isUnderstood)
            guard !packets.isEmpty else { return }
            let again = RTCPCompound(parsing: RTCPCompound.bytes(of: packets).span)
            precondition(again.failure == nil)
            precondition(again.packets.count == packets.count)
            for (packet, other) in zip(packets, again.packets) { compare(packet, other) }
        }
    }

    private static func isUnderstood(_ packet: RTCPPacket) -> Bool {
        if case .other = packet { return false }
        return true
    }

    private static func compare(_ packet: RTCPPacket, _ again: RTCPPacket) {
        switch packet {
        // A name that is no UTF-8, and a bitrate beyond all numbers, are held and then written differently.
        case .sourceDescription, .bitrateEstimate: break
        case .transportFeedback(let feedback):
            feedback.forEach { _, _ in }
            precondition(packet == again)
        default: precondition(packet == again)
        }
    }
}
