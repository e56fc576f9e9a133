import ICE

/// Bounds the answers to each source address, so that nobody can be flooded through us.
struct SourceBudgets {
    /// Addresses remembered; when there are more, all begin anew.
    static let sourceLimit = 8192

    private let perSecond: Int
    private var budgets: [IPAddress: RateBudget] = [:]

    init(perSecond: Int) {
        self.perSecond = perSecond
    }

    /// Whether one more answer to `source` may be given at `now`; counts it where it may.
    mutating func allows(_ source: IPAddress, at now: UInt64) -> Bool {
        if budgets.count >= Self.sourceLimit, budgets[source] == nil {
            budgets.removeAll(keepingCapacity: true)
        }
        return budgets[source, default: RateBudget(perSecond: perSecond, burst: 2 * perSecond)].allows(
            at: now
        )
    }
}
