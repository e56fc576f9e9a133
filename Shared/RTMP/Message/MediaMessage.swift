/// One video or audio message: the body of an FLV tag and its time.
public struct MediaMessage: Sendable, Equatable {
    /// What the tag holds.
    public enum Kind: Sendable, Equatable {
        case audio
        case video
    }

    /// What the tag holds.
    public var kind: Kind
    /// The decode time in milliseconds on the publisher's clock, wrapping after 49.7 days.
    public var timestamp: UInt32
    /// The body, to be read by ``VideoTag`` or ``AudioTag``.
    public var payload: [UInt8]

    /// Creates a message.
    public init(_ kind: Kind, timestamp: UInt32, payload: [UInt8]) {
        self.kind = kind
        self.timestamp = timestamp
        self.payload = payload
    }
}

/// Follows a clock of 32 bits over its wraps and its steps back.
public struct TimestampUnwrapper: Sendable, Equatable {
    private var last: Int64?

    /// Creates an unwrapper that takes the first time as it is.
    public init() {}

    /// The time on a clock that does not wrap; a step of more than 24.8 days counts as one to the other side.
    public mutating func unwrap(_ timestamp: UInt32) -> Int64 {
        guard let last else {
            last = Int64(timestamp)
            return Int64(timestamp)
        }
        let step = Int32(truncatingIfNeeded: Int64(timestamp) &- last)
        let time = last &+ Int64(step)
        self.last = time
        return time
    }
}
