import Contracts
public import Redis

/// One event on its way to the stream of events.
public struct SuiteEvent: Sendable, Equatable {
    /// What readers know it by, so that one that comes twice counts once.
    public var id: String
    /// What has happened, like `stream.live`.
    public var type: String
    /// The stream, recording or grant that it happened to.
    public var subject: String
    /// What else is to be known, as JSON.
    public var data: [UInt8]
    /// When it happened (RFC 3339).
    public var time: String

    /// Creates an event.
    public init(id: String, type: String, subject: String, data: [UInt8], time: String) {
        self.id = id
        self.type = type
        self.subject = subject
        self.data = data
        self.time = time
    }

    /// Appends it to the stream of events, which keeps about as many as ``EventStream`` says.
    public var command: RedisCommand { append(to: EventStream.key, length: EventStream.length) }

    /// Appends it to the stream of measurements, of which only the newest count.
    public var measurementCommand: RedisCommand {
        append(to: EventStream.measurements, length: EventStream.measurementLength)
    }

    private func append(to key: String, length: Int) -> RedisCommand {
        RedisCommand(
            "XADD",
            key,
            "MAXLEN",
            "~",
            length,
            "*",
            "id",
            id,
            "type",
            type,
            "subject",
            subject,
            "data",
            data,
            "time",
            time
        )
    }
}
