/// Makes a number of 64 bits of a sequence number of 16 that wraps (RFC 3550 §A.1).
public struct SequenceUnwrapper: Sendable, Equatable {
    /// The last number given out, `nil` before the first.
    public private(set) var last: Int64?

    /// Creates an unwrapper whose first number is the sequence number itself, plus one turn, so that earlier ones
    /// stay positive.
    public init() {}

    /// Returns the number nearest to the last one whose low 16 bits are `number`.
    public mutating func unwrap(_ number: UInt16) -> Int64 {
        let value = peek(number)
        last = value
        return value
    }

    /// Returns what ``unwrap(_:)`` would, and does not move on.
    public func peek(_ number: UInt16) -> Int64 {
        guard let last else { return Int64(number) + 0x1_0000 }
        let step = Int16(truncatingIfNeeded: Int64(number) &- last)
        return last &+ Int64(step)
    }
}

/// Makes a number of 64 bits of a timestamp of 32 that wraps.
public struct TimestampUnwrapper: Sendable, Equatable {
    /// The last time given out, `nil` before the first.
    public private(set) var last: Int64?

    /// Creates an unwrapper whose first time is the timestamp itself.
    public init() {}

    /// Returns the time nearest to the last one whose low 32 bits are `timestamp`.
    public mutating func unwrap(_ timestamp: UInt32) -> Int64 {
        let value = peek(timestamp)
        last = value
        return value
    }

    /// Returns what ``unwrap(_:)`` would, and does not move on.
    public func peek(_ timestamp: UInt32) -> Int64 {
        guard let last else { return Int64(timestamp) }
        return last &+ Int64(Int32(truncatingIfNeeded: Int64(timestamp) &- last))
    }
}
