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

    /// Gives the feedback to one who has sent the packets that it speaks of.
    private static func estimate(by feedback: TransportFeedback) {
        var estimator = BandwidthEstimator()
        for index in 0..<min(feedback.deltas.count, 200) {
            let number = feedback.baseSequenceNumber &+ UInt16(index)
            estimator.send(number, byteCount: 1200, now: UInt64(index) * 2_000_000)
        }
        for round in 0..<3 as Range<UInt64> { estimator.receive(feedback, now: round * 1_000_000_000) }
        precondition((100_000...100_000_000).contains(estimator.bitsPerSecond))
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
            estimate(by: feedback)
            precondition(packet == again)
        default: precondition(packet == again)
        }
    }
}
