/// Changes fields of packets in place, as a forwarder does for each of its viewers.
public enum PacketFields {
    /// Sets the number, the time and the source of the packet that `bytes` begin with.
    ///
    /// - Precondition: `bytes` hold the fixed fields.
    public static func overwrite(
        _ bytes: inout MutableSpan<UInt8>,
        sequenceNumber: UInt16,
        timestamp: UInt32,
        ssrc: UInt32
    ) {
        bytes.store(sequenceNumber, at: 2)
        bytes.store(timestamp, at: 4)
        bytes.store(ssrc, at: 8)
    }

    /// Sets the transport-wide sequence number, which lies at `offset` (see ``HeaderExtensionBlock``).
    ///
    /// - Precondition: `bytes` hold the field.
    public static func overwrite(
        _ bytes: inout MutableSpan<UInt8>,
        transportSequenceNumber: UInt16,
        at offset: Int
    ) {
        bytes.store(transportSequenceNumber, at: offset)
    }

    /// Sets the absolute send time, which lies at `offset` (see ``HeaderExtensionBlock``).
    ///
    /// - Precondition: `bytes` hold the field.
    public static func overwrite(
        _ bytes: inout MutableSpan<UInt8>,
        absoluteSendTime: UInt32,
        at offset: Int
    ) {
        bytes[offset] = UInt8(truncatingIfNeeded: absoluteSendTime >> 16)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: absoluteSendTime >> 8)
        bytes[offset + 2] = UInt8(truncatingIfNeeded: absoluteSendTime)
    }

    /// The absolute send time of `now`, nanoseconds of any clock that does not go back.
    public static func absoluteSendTime(at now: UInt64) -> UInt32 {
        let seconds = now / 1_000_000_000
        let fraction = (now % 1_000_000_000) << 18 / 1_000_000_000
        return UInt32(truncatingIfNeeded: seconds << 18 | fraction) & 0xff_ffff
    }
}
