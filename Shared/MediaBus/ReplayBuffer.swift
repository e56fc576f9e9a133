import Redis

/// An entry with its ID, ready to be sent, and to be sent again.
struct SealedEntry: Sendable, Equatable {
    var counter: UInt64
    var isKeyframe: Bool
    /// When it was made, in nanoseconds of the monotonic clock.
    var time: UInt64
    var command: RedisCommand
    /// The length of the command, at hand without a look into it.
    let byteCount: Int

    init(counter: UInt64, isKeyframe: Bool, time: UInt64, command: RedisCommand) {
        self.counter = counter
        self.isKeyframe = isKeyframe
        self.time = time
        self.command = command
        byteCount = command.bytes.count
    }
}

/// The entries that a writer keeps: those that the bus has not confirmed, and those since the last keyframe,
/// two seconds at least, should the bus lose what it had confirmed.
struct ReplayBuffer: Sendable {
    /// How long confirmed entries are kept at least.
    static let shortestMemory: UInt64 = 2_000_000_000

    private static let dropped = RedisCommand(argumentCount: 0)

    private var entries: [SealedEntry] = []
    private var head = 0
    private var keyframeCounter: UInt64 = 0
    /// The newest entry that the bus has confirmed.
    private(set) var confirmed: UInt64 = 0
    /// The newest entry that is on its way.
    private(set) var sent: UInt64 = 0
    /// The bytes that are kept.
    private(set) var byteCount = 0
    /// The bytes beyond ``confirmed`` up to ``sent``.
    private var byteCountOnTheWay = 0

    /// The counter of the newest entry, 0 where there was none.
    private(set) var newest: UInt64 = 0

    /// Whether the bus has confirmed everything.
    var isSettled: Bool { confirmed >= newest }

    mutating func append(_ entry: SealedEntry) {
        entries.append(entry)
        byteCount += entry.byteCount
        newest = entry.counter
        if entry.isKeyframe { keyframeCounter = entry.counter }
    }

    /// Takes the entries to send next, as many as fit in `byteLimit` on the way, and at least one where
    /// nothing is.
    mutating func takeUnsent(byteLimit: Int) -> ArraySlice<SealedEntry> {
        guard let first = index(after: sent) else { return [] }
        var end = first
        while end < entries.count, byteCountOnTheWay < byteLimit {
            byteCountOnTheWay += entries[end].byteCount
            end += 1
        }
        if end > first { sent = entries[end - 1].counter }
        return entries[first..<end]
    }

    /// Takes note that the bus holds everything up to `counter`.
    mutating func confirm(through counter: UInt64) {
        let counter = min(counter, newest)
        guard counter > confirmed else { return }
        byteCountOnTheWay -= bytes(after: confirmed, through: min(counter, sent))
        confirmed = counter
        sent = max(sent, confirmed)
    }

    /// Takes note that the bus holds nothing beyond `counter`, whatever it has confirmed before.
    mutating func rewind(to counter: UInt64) {
        confirmed = min(confirmed, counter)
        connectionLost()
    }

    /// Forgets what is on its way, after the connection broke.
    mutating func connectionLost() {
        sent = confirmed
        byteCountOnTheWay = 0
    }

    /// Drops what need not be kept.
    ///
    /// - Returns: the bytes that were given up.
    mutating func prune(at now: UInt64) -> Int {
        let keyframe = keyframeCounter
        return drop { $0.counter < keyframe && now &- $0.time >= Self.shortestMemory }
    }

    /// Drops all that is confirmed, to make room.
    ///
    /// - Returns: the bytes that were given up.
    mutating func dropConfirmed() -> Int { drop { _ in true } }

    private mutating func drop(where isDispensable: (SealedEntry) -> Bool) -> Int {
        let before = byteCount
        while head < entries.count, entries[head].counter <= confirmed, isDispensable(entries[head]) {
            byteCount -= entries[head].byteCount
            entries[head].command = Self.dropped
            head += 1
        }
        if head >= 64, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return before - byteCount
    }

    /// The index of the first kept entry beyond `counter`; counters rise by one, so it is an offset.
    private func index(after counter: UInt64) -> Int? {
        guard head < entries.count else { return nil }
        let first = entries[head].counter
        let offset = counter >= first ? Int(clamping: counter - first) + 1 : 0
        let index = head + offset
        return index < entries.count ? index : nil
    }

    private func bytes(after first: UInt64, through last: UInt64) -> Int {
        guard last > first, var index = index(after: first) else { return 0 }
        var byteCount = 0
        while index < entries.count, entries[index].counter <= last {
            byteCount += entries[index].byteCount
            index += 1
        }
        return byteCount
    }
}
