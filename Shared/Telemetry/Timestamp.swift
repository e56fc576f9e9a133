import Glibc

/// Points of wall-clock time in RFC 3339, in UTC.
public enum Timestamp {
    /// Microseconds since 1970, now.
    public static var nowMicroseconds: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)  // SAFETY: the call fills a local variable.
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
    }

    /// Now, with milliseconds.
    public static var now: String { rfc3339(microseconds: nowMicroseconds) }

    /// A point in microseconds since 1970, as text with milliseconds like `2026-01-31T12:00:00.250Z`.
    public static func rfc3339(microseconds: Int64) -> String {
        let seconds = microseconds / 1_000_000
        return rfc3339(seconds: seconds, nanoseconds: (microseconds - seconds * 1_000_000) * 1000)
    }

    /// A point before 1970 counts as 1970.
    static func rfc3339(seconds: Int64, nanoseconds: Int64) -> String {
        let seconds = max(0, seconds)
        let (year, month, day) = civilDate(ofDay: seconds / 86_400)
        let second = Int(seconds % 86_400)
        let date = [padded(year, 4), padded(month, 2), padded(day, 2)].joined(separator: "-")
        let clock = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(
            separator: ":"
        )
        return "\(date)T\(clock).\(padded(Int(max(0, nanoseconds)) / 1_000_000, 3))Z"
    }

    /// The Gregorian date of a day counted from 1970-01-01, after Howard Hinnant's `civil_from_days`.
    public static func civilDate(ofDay days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        let day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
