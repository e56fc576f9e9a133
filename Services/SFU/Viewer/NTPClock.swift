import Telemetry

/// The wall clock as RTP writes it (RFC 3550 §4).
enum NTPClock {
    private static let secondsFrom1900To1970: UInt64 = 2_208_988_800

    /// Nanoseconds since 1970.
    static var nanoseconds: Int64 { Timestamp.nowMicroseconds &* 1000 }

    /// A moment in NTP's format.
    static func time(_ nanoseconds: Int64) -> UInt64 {
        let clamped = UInt64(max(0, nanoseconds))
        let seconds = clamped / 1_000_000_000 + secondsFrom1900To1970
        let fraction = (clamped % 1_000_000_000) << 32 / 1_000_000_000
        return seconds << 32 | fraction
    }
}
