/// A query or a connection that failed.
public struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is, for programs to branch on.
    public enum Code: Sendable, Equatable {
        /// The server refused the query, with this SQLSTATE.
        case refused(sqlState: String)
        /// There is no connection, or it was lost while the query was under way.
        case connection
        /// The deadline passed; the server was asked to cancel the query.
        case timedOut
        /// Every connection was busy until the deadline, or too many already waited for one.
        case busy
        /// A parameter that PostgreSQL cannot hold, like a text with a zero byte.
        case parameter
        /// A column that is missing, null or of another type.
        case column(String)
        /// A migration that was applied has another text now.
        case migrationChanged(version: Int)
    }

    /// What kind of failure it is.
    public var code: Code
    /// The server's or the library's words.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The SQLSTATE where the server gave one.
    public var sqlState: String? {
        if case .refused(let sqlState) = code { sqlState } else { nil }
    }

    /// Whether a unique or exclusion constraint refused the row.
    public var isDuplicate: Bool { sqlState == "23505" || sqlState == "23P01" }

    /// Whether the same call may well succeed in a moment.
    public var isTransient: Bool {
        switch code {
        case .connection, .timedOut, .busy: true
        case .refused(let sqlState):
            // Connection exceptions, rolled back transactions, shutdown and start-up.
            sqlState.hasPrefix("08") || sqlState.hasPrefix("40") || sqlState.hasPrefix("57P")
        case .parameter, .column, .migrationChanged: false
        }
    }

    /// The code and the words.
    public var description: String { "\(code): \(message)" }
}
