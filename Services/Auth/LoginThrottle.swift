/// Slows down whoever guesses passwords, for each pair of address and user.
struct LoginThrottle {
    /// Failures that cost nothing, for people who mistype.
    static let freeFailures = 5
    /// The longest wait after a failure, in seconds.
    static let longestWait: Int64 = 300
    /// Failures are forgotten this long after the last, in seconds.
    static let memory: Int64 = 3600
    /// The pairs that are remembered; beyond it the half that failed longest ago is forgotten.
    static let entryLimit = 20_000

    private struct Key: Hashable {
        var address: String
        var user: String
    }

    private struct Entry {
        var failures: Int
        var last: Int64
        var openAt: Int64
    }

    private var entries: [Key: Entry] = [:]

    /// How many seconds to wait before the next attempt; 0 for none.
    func wait(address: String, user: String, now: Int64) -> Int64 {
        let key = Key(address: address, user: Self.normal(user))
        return max(0, (entries[key]?.openAt ?? now) - now)
    }

    /// Counts an attempt before its password is looked at, so that many at once do not slip through.
    mutating func begin(address: String, user: String, now: Int64) {
        if entries.count >= Self.entryLimit { forgetHalf() }
        let key = Key(address: address, user: Self.normal(user))
        var entry = entries[key] ?? Entry(failures: 0, last: now, openAt: now)
        if now - entry.last > Self.memory { entry.failures = 0 }
        entry.failures += 1
        entry.last = now
        let excess = entry.failures - Self.freeFailures
        entry.openAt = excess < 0 ? now : now + min(Self.longestWait, 1 << Int64(min(excess, 16)))
        entries[key] = entry
    }

    /// Forgets the failures of a pair that knew the password.
    mutating func succeed(address: String, user: String) {
        entries[Key(address: address, user: Self.normal(user))] = nil
    }

    private mutating func forgetHalf() {
        let newest = entries.sorted { $0.value.last > $1.value.last }.prefix(Self.entryLimit / 2)
        entries = Dictionary(newest.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private static func normal(_ user: String) -> String { String(user.lowercased().prefix(128)) }
}
