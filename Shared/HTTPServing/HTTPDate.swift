import Telemetry

/// Times as header fields write them (RFC 9110 §5.6.7).
enum HTTPDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Now, in whole seconds since 1970.
    static var now: Int64 { Timestamp.nowMicroseconds / 1_000_000 }

    /// `seconds` since 1970 as an IMF-fixdate.
    static func string(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        let second = Int(seconds % 86_400)
        let (year, month, day) = Timestamp.civilDate(ofDay: days)
        let clock = [second / 3600, second / 60 % 60, second % 60].map(twoDigits).joined(separator: ":")
        return "\(weekdays[Int(days % 7)]), \(twoDigits(day)) \(months[month - 1]) \(year) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
