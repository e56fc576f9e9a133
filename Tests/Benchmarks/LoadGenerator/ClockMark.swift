import Glibc

/// Says in each picture when it was sent, so that who receives it knows how long it took.
///
/// It is an SEI message of H.264 (user data, unregistered): 16 bytes of a name, and the microseconds since 1970 as 16
/// hexadecimal digits.
enum ClockMark {
    private static let name = Array("martlet-clock-v1".utf8)
    private static let digits = Array("0123456789abcdef".utf8)
    /// Where the NAL units begin in a video message of RTMP.
    private static let headerByteCount = 5

    /// Returns a video message with the mark before its NAL units; others as they are.
    static func inserted(into payload: [UInt8]) -> [UInt8] {
        guard payload.count > headerByteCount, payload[0] & 0x0f == 7, payload[1] == 1 else { return payload }
        let time = microseconds
        let text = (0..<16).map { digits[Int(time >> UInt64(60 - 4 * $0) & 15)] }
        let unit = [6, 5, UInt8(name.count + text.count)] + name + text + [0x80]
        return payload[..<headerByteCount] + [0, 0, 0, UInt8(unit.count)] + unit + payload[headerByteCount...]
    }

    private static var microseconds: UInt64 {
        var time = timespec()
        // SAFETY: the kernel writes a local variable.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }
}
