/// Spells the values that manifests hold.
enum XMLText {
    /// Text that can stand in an attribute.
    static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case let other where other.value < 0x20: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }

    /// Seconds with milliseconds, as `PT1.500S`.
    static func duration(_ seconds: Double) -> String {
        let milliseconds = Int((min(max(seconds, 0), 1e9) * 1000).rounded())
        return "PT\(milliseconds / 1000).\(pad(milliseconds % 1000, 3))S"
    }

    /// A frame rate as a whole number, or as the fraction that broadcasting means.
    static func frameRate(_ rate: Double) -> String {
        let bounded = min(max(rate, 0), 1000)
        let whole = Int(bounded.rounded())
        if abs(bounded - Double(whole)) < 0.005 { return "\(whole)" }
        let ntsc = Int((bounded * 1.001).rounded())
        if abs(bounded * 1.001 - Double(ntsc)) < 0.005 { return "\(ntsc * 1000)/1001" }
        return "\(Int((bounded * 1000).rounded()))/1000"
    }

    /// A time in UTC with milliseconds; nothing before 1970.
    static func date(microseconds: Int64) -> String {
        let milliseconds = max(0, microseconds) / 1000
        let rest = Int(milliseconds % 86_400_000)
        let (year, month, day) = civil(daysSince1970: Int(milliseconds / 86_400_000))
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(rest / 3_600_000, 2)):"
            + "\(pad(rest / 60_000 % 60, 2)):\(pad(rest / 1000 % 60, 2)).\(pad(rest % 1000, 3))Z"
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The date in the Gregorian calendar, counting years from March so that the leap day comes last.
    private static func civil(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}
