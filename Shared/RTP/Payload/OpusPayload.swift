import Codecs

/// Opus in RTP: one packet is one payload, and its time counts at 48 kHz (RFC 7587 §4).
public enum OpusPayload {
    /// Ticks a second of the timestamps, whatever the sound is.
    public static let clockRate: UInt32 = 48_000

    /// Appends one Opus packet to `run`.
    ///
    /// - Returns: false, and appends nothing, where the packet is broken or larger than `maximumByteCount`, since
    ///   Opus has no fragments.
    public static func packetise(
        _ packet: Span<UInt8>,
        maximumByteCount: Int,
        into run: inout PayloadRun
    ) -> Bool {
        guard packet.count <= maximumByteCount, OpusPacket.sampleCount(of: packet) != nil else {
            return false
        }
        run.append(packet)
        return true
    }

    /// Ticks that the Opus packet in `payload` lasts, or `nil` where it is none.
    public static func duration(of payload: Span<UInt8>) -> UInt32? {
        OpusPacket.sampleCount(of: payload).map { UInt32($0) }
    }
}
