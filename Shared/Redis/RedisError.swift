/// What went wrong with a command or a connection.
public struct RedisError: Error, Equatable, CustomStringConvertible {
    /// The kinds of failure that callers act on.
    public enum Code: Sendable, Equatable {
        /// The URL is none that the client understands.
        case invalidURL
        /// There is no connection, and the queue for the next one has no room or was given up.
        case unavailable
        /// No answer came in time; the command may have been executed.
        case timedOut
        /// The connection broke before the answer; the command may have been executed.
        case connectionLost
        /// Redis refused the command; nothing was changed by it.
        case refused
    }

    /// The kind of failure.
    public var code: Code
    /// The text of Redis or of the system.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The word that a refusal begins with, like `WRONGTYPE` or `NOGROUP`.
    public var prefix: Substring { message.prefix { $0 != " " } }

    /// The kind and the text.
    public var description: String { "redis \(code): \(message)" }
}
