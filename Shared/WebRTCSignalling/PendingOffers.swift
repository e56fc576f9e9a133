public import HTTPServing
import ICE
import Sockets

/// Where an offer came from, as far as it is told apart: an IPv4 address, or a network of IPv6, of which one
/// household has all addresses (RFC 6177 §2).
public struct OfferOrigin: Hashable, Sendable {
    private let network: IPAddress?
    private let text: String

    /// Reads what the gateway says of the client, or who is connected where it says nothing.
    public init(of request: HTTPRequest) {
        self.init(request.headers["x-forwarded-for"] ?? request.peer.host)
    }

    /// Reads an address; whatever is none is told apart by its text.
    public init(_ address: String) {
        switch IPAddress(address) {
        case .v6(let high, _): network = .v6(high: high, low: 0)
        case let known: network = known
        }
        text = network == nil ? address : ""
    }
}

/// The places of peers that have made an offer and not connected yet: whoever only offers must not keep everybody
/// else out.
public struct PendingOffers: Sendable {
    /// One origin has at most one place in so many, and this many in any case.
    private static let share = 8
    private static let least = 64

    private let limit: Int
    private var counts: [OfferOrigin: Int] = [:]
    /// All such places.
    public private(set) var total = 0

    /// Divides `places` among those who come.
    public init(places: Int) { limit = max(Self.least, places / Self.share) }

    /// Whether an origin may have one more; else it is told ``SignallingResponse/tooManyOffers(retryAfter:)``.
    public func mayAdd(_ origin: OfferOrigin) -> Bool { counts[origin, default: 0] < limit }

    /// Takes a place.
    public mutating func add(_ origin: OfferOrigin) {
        counts[origin, default: 0] += 1
        total += 1
    }

    /// Gives a place back: the peer has connected, or never will.
    public mutating func remove(_ origin: OfferOrigin) {
        guard let count = counts[origin] else { return }
        counts[origin] = count > 1 ? count - 1 : nil
        total -= 1
    }
}
