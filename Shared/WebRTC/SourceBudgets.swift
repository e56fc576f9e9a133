import ICE

/// Bounds what is done for each source address where no peer is for certain, so that nobody can be flooded through us.
struct SourceBudgets {
    /// Addresses after which those that nothing has come from meanwhile are forgotten.
    static let sourceLimit = 8192

    private let perSecond: Int
    private var recent: [IPAddress: RateBudget] = [:]
    /// Those of before, which come back with their budget when something comes from them.
    private var older: [IPAddress: RateBudget] = [:]

    init(perSecond: Int) {
        self.perSecond = perSecond
    }

    /// Whether something may be done for `source` once more at `now`; counts it where it may.
    mutating func allows(_ source: IPAddress, at now: UInt64) -> Bool {
        var budget =
            recent[source] ?? older[source] ?? RateBudget(perSecond: perSecond, burst: 2 * perSecond)
        defer { keep(budget, of: source) }
        return budget.allows(at: now)
    }

    private mutating func keep(_ budget: RateBudget, of source: IPAddress) {
        if recent[source] == nil, recent.count >= Self.sourceLimit {
            older = recent
            recent = [:]
        }
        recent[source] = budget
    }
}
