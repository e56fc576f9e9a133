import Bytes

/// One row of a result, its values found by the names of the columns.
public struct PostgresRow: Sendable {
    /// The columns of one result, shared by its rows.
    final class Columns: Sendable {
        let names: [String]
        let positions: [String: Int]

        init(names: [String]) {
            self.names = names
            positions = Dictionary(
                names.enumerated().map { ($1, $0) },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }

    private let columns: Columns
    private let values: [String?]

    init(columns: Columns, values: [String?]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column, with every reading `nil` where it is null, missing or of another type.
    public subscript(column: String) -> PostgresCell {
        PostgresCell(text: columns.positions[column].flatMap { values[$0] })
    }

    /// The column as text.
    ///
    /// - Throws: a ``PostgresError`` with the column's name if there is none, as do all of these.
    public func string(_ column: String) throws(PostgresError) -> String {
        try require(self[column].text, column)
    }

    /// The column as a whole number.
    public func int(_ column: String) throws(PostgresError) -> Int { try require(self[column].int, column) }

    /// The column as a truth value.
    public func bool(_ column: String) throws(PostgresError) -> Bool {
        try require(self[column].bool, column)
    }

    /// The column as a floating-point number.
    public func double(_ column: String) throws(PostgresError) -> Double {
        try require(self[column].double, column)
    }

    /// A `bytea` column.
    public func bytes(_ column: String) throws(PostgresError) -> [UInt8] {
        try require(self[column].bytes, column)
    }

    /// A `timestamptz` column, in microseconds since 1970.
    public func date(_ column: String) throws(PostgresError) -> Int64 {
        try require(self[column].date, column)
    }

    private func require<Value>(_ value: Value?, _ column: String) throws(PostgresError) -> Value {
        guard let value else {
            throw PostgresError(.column(column), "the column is missing, null or of another type")
        }
        return value
    }
}

/// One value of a row in its text form.
public struct PostgresCell: Sendable, Equatable {
    /// The text, or `nil` for NULL.
    public var text: String?

    /// Whether it is NULL.
    public var isNull: Bool { text == nil }
    /// The value as a whole number.
    public var int: Int? { text.flatMap { Int($0) } }
    /// The value as a floating-point number.
    public var double: Double? { text.flatMap { Double($0) } }
    /// The value of a `timestamptz` in microseconds since 1970.
    public var date: Int64? { text.flatMap(PostgresDate.microseconds) }

    /// The value as a truth value.
    public var bool: Bool? {
        switch text {
        case "t": true
        case "f": false
        default: nil
        }
    }

    /// The value of a `bytea`.
    public var bytes: [UInt8]? {
        guard let text, text.hasPrefix("\\x") else { return nil }
        return Hex.decode(text.dropFirst(2))
    }
}
