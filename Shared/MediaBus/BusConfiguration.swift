public import Redis

/// Where the media bus is, and its limits.
public struct BusConfiguration: Sendable {
    /// The Redis that carries the media.
    public var redis: RedisClient.Configuration
    /// Bytes that all writers of the process together keep for replay after an outage; a stream that finds
    /// no room is closed with ``BusWriter/Event/outageBufferFull``.
    public var outageByteLimit = 256 << 20
    /// Bytes of one stream's ring; the oldest GOPs go first, whatever their age.
    public var ringByteLimit = 64 << 20
    /// The age beyond which GOPs leave the ring.
    public var ringDuration: Duration = .seconds(30)
    /// What stays in the ring beyond that age: this long, and two GOPs.
    public var ringFloor: Duration = .seconds(15)
    /// How long the keys of a session outlive it.
    public var keyExpiry: Duration = .seconds(60)
    /// The longest time between two flushes of a shard.
    public var longestTick: Duration = .milliseconds(10)
    /// Below this number of streams a shard flushes and a reader reads at once; from five times as many on
    /// they wait as long as they may.
    public var unhurriedStreamCount = 20
    /// The longest pause between two reads of the tail.
    public var pollInterval: Duration = .milliseconds(50)
    /// The share of `maxmemory` from which new publishers are refused.
    public var memoryShareLimit = 0.8
    /// How long a publisher may send nothing before another may take its place.
    public var silenceLimit: Duration = .seconds(2)
    /// Beyond its session's grace time, how long a stream may give no sign of life before readers give it up.
    public var silenceMargin: Duration = .seconds(5)
    /// How long the bus may leave a reader without an answer until it counts as away, which is not the streams'
    /// silence; more than the second between two questions.
    public var answerLimit: Duration = .seconds(3)

    /// Creates a configuration for one bus.
    public init(redis: RedisClient.Configuration) { self.redis = redis }

    /// How much of the longest wait so many streams make worthwhile, from 0 to 1.
    func patience(with streamCount: Int) -> Double {
        guard streamCount >= unhurriedStreamCount, unhurriedStreamCount > 0 else { return 0 }
        return min(1, Double(streamCount - unhurriedStreamCount + 1) / Double(4 * unhurriedStreamCount))
    }
}

/// The ID of an entry on the bus: the publisher's epoch, and a counter that rises by one from 1.
public struct BusEntryID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The publisher's epoch.
    public var epoch: UInt64
    /// Counts the entries of the epoch from 1.
    public var counter: UInt64

    /// Creates an ID from its halves.
    public init(epoch: UInt64, counter: UInt64) {
        self.epoch = epoch
        self.counter = counter
    }

    /// Reads `<epoch>-<counter>`.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let epoch = UInt64(halves[0]), let counter = UInt64(halves[1]) else {
            return nil
        }
        self.init(epoch: epoch, counter: counter)
    }

    /// Reads `<epoch>-<counter>` without making a text of it.
    init?(ascii text: [UInt8]) {
        guard let hyphen = text.firstIndex(of: UInt8(ascii: "-")),
            let epoch = Self.number(text[..<hyphen]), let counter = Self.number(text[(hyphen + 1)...])
        else { return nil }
        self.init(epoch: epoch, counter: counter)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
            if overflows || carries { return nil }
            value = sum
        }
        return value
    }

    /// Orders by epoch, then by counter.
    public static func < (lhs: BusEntryID, rhs: BusEntryID) -> Bool {
        (lhs.epoch, lhs.counter) < (rhs.epoch, rhs.counter)
    }

    /// The ID as Redis has it.
    public var description: String { "\(epoch)-\(counter)" }
}

/// What went wrong on the bus.
public struct BusError: Error, Equatable, CustomStringConvertible {
    /// The kinds of failure that callers act on.
    public enum Code: Sendable, Equatable {
        /// Redis cannot be reached or does not answer.
        case unavailable
        /// The bus has too little memory left for another publisher.
        case full
        /// A publisher of a higher epoch has taken the stream.
        case fenced
        /// What the bus holds is not understood.
        case malformed
    }

    /// The kind of failure.
    public var code: Code
    /// What happened.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the text.
    public var description: String { "media bus \(code): \(message)" }
}
