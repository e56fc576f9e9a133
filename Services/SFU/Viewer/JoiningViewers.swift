import ICE

/// Where an offer came from, as far as it is told apart: an IPv4 address, or a network of IPv6, of which one
/// household has all addresses (RFC 6177 §2).
struct JoinOrigin: Hashable, Sendable {
    private let network: IPAddress?
    private let text: String

    /// Reads what the gateway says of the client.
    init(_ address: String) {
        switch IPAddress(address) {
        case .v6(let high, _): network = .v6(high: high, low: 0)
        case let known: network = known
        }
        text = network == nil ? address : ""
    }
}

/// The places of viewers who have not connected yet: whoever only offers must not keep everybody else out.
struct JoiningViewers {
    /// One origin has at most one place in so many, and this many in any case.
    private static let share = 8
    private static let least = 64

    private let limit: Int
    private var counts: [JoinOrigin: Int] = [:]
    /// All such places.
    private(set) var total = 0

    /// Divides `places` among those who come.
    init(places: Int) { limit = max(Self.least, places / Self.share) }

    /// Whether an origin may have one more.
    func mayAdd(_ origin: JoinOrigin) -> Bool { counts[origin, default: 0] < limit }

    mutating func add(_ origin: JoinOrigin) {
        counts[origin, default: 0] += 1
        total += 1
    }

    mutating func remove(_ origin: JoinOrigin) {
        guard let count = counts[origin] else { return }
        counts[origin] = count > 1 ? count - 1 : nil
        total -= 1
    }
}
