import Bytes

/// One parameter of a query; the server finds its type from where it stands.
public enum PostgresValue: Sendable, Equatable {
    /// SQL's NULL.
    case null
    /// A text, which also serves for JSON, UUID, intervals and every type with a text form.
    case text(String)
    /// A whole number.
    case int(Int64)
    /// A truth value.
    case bool(Bool)
    /// A floating-point number.
    case double(Double)
    /// A `bytea`.
    case bytes([UInt8])
    /// A `timestamptz`, in microseconds since 1970.
    case date(microseconds: Int64)
    /// A `text[]`.
    case texts([String])

    /// A text or NULL.
    public init(_ text: String?) { self = text.map(Self.text) ?? .null }

    /// A whole number or NULL.
    public init(_ number: (some BinaryInteger)?) { self = number.map { .int(Int64(clamping: $0)) } ?? .null }

    /// A floating-point number or NULL.
    public init(_ number: Double?) { self = number.map(Self.double) ?? .null }

    /// The text form that goes over the wire, or `nil` for NULL.
    var wireText: String? {
        switch self {
        case .null: nil
        case .text(let text): text
        case .int(let number): String(number)
        case .bool(let flag): flag ? "t" : "f"
        case .double(let number): Self.text(of: number)
        case .bytes(let bytes): "\\x" + Hex.encode(bytes)
        case .date(let microseconds): PostgresDate.text(microseconds: microseconds)
        case .texts(let texts): "{" + texts.map(Self.quoted).joined(separator: ",") + "}"
        }
    }

    private static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        return String(number)
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in text.unicodeScalars {
            if character == "\"" || character == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(character)
        }
        return quoted + "\""
    }
}

extension PostgresValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByNilLiteral
{
    /// A text.
    public init(stringLiteral text: String) { self = .text(text) }
    /// A whole number.
    public init(integerLiteral number: Int64) { self = .int(number) }
    /// A truth value.
    public init(booleanLiteral flag: Bool) { self = .bool(flag) }
    /// A floating-point number.
    public init(floatLiteral number: Double) { self = .double(number) }
    /// NULL.
    public init(nilLiteral: ()) { self = .null }
}
