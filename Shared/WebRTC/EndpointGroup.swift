import Reactor
import Sockets
import Synchronization

/// The endpoints of several loops on one port, and where the peers of each are.
///
/// The kernel deals datagrams and connections to the endpoints by the address that they come from. What comes to the
/// wrong one is passed on to the one whose peer it is from or for; what is nobody's goes no further.
public final class EndpointGroup: Sendable {
    /// How long after its last check a peer keeps an address that it has proven to be its own.
    private static let homeTime: UInt64 = 15_000_000_000

    /// One peer of one endpoint.
    struct Resident: Hashable, Sendable {
        var endpoint: Int
        var peer: ObjectIdentifier
    }

    private struct Home {
        var resident: Resident
        var isProven: Bool
        var lastCheck: UInt64
    }

    private struct State {
        var members: [GroupMember] = []
        var fragments: [String: Int] = [:]
        var homes: [DatagramAddress: Home] = [:]
    }

    private let state = Mutex(State())

    /// Creates a group without endpoints.
    public init() {}

    /// Adds an endpoint.
    ///
    /// - Returns: its number.
    func join(_ member: GroupMember) -> Int {
        state.withLock { state in
            state.members.append(member)
            return state.members.count - 1
        }
    }

    // MARK: Fragments

    func register(_ fragment: String, of endpoint: Int) {
        state.withLock { $0.fragments[fragment] = endpoint }
    }

    func unregister(_ fragment: String) { state.withLock { $0.fragments[fragment] = nil } }

    /// The endpoint of the peer that checks with `fragment` are for.
    func member(for fragment: String) -> GroupMember? {
        state.withLock { state in state.fragments[fragment].map { state.members[$0] } }
    }

    // MARK: Addresses

    /// Whether an address is another peer's who is there for certain.
    func isTaken(_ address: DatagramAddress, from resident: Resident, now: UInt64) -> Bool {
        state.withLock { Self.isTaken($0.homes[address], from: resident, now: now) }
    }

    private static func isTaken(_ home: Home?, from resident: Resident, now: UInt64) -> Bool {
        guard let home, home.resident != resident, home.isProven else { return false }
        return now < home.lastCheck || now &- home.lastCheck < homeTime
    }

    /// Takes note of a valid check of a peer from an address.
    ///
    /// - Returns: whether packets from there are the peer's now.
    func claim(_ address: DatagramAddress, for resident: Resident, isProven: Bool, now: UInt64) -> Bool {
        let (isClaimed, loser) = state.withLock { state -> (Bool, GroupMember?) in
            let home = state.homes[address]
            guard !Self.isTaken(home, from: resident, now: now) else { return (false, nil) }
            state.homes[address] = Home(resident: resident, isProven: isProven, lastCheck: now)
            let former = home?.resident.endpoint
            return (true, former == resident.endpoint ? nil : former.map { state.members[$0] })
        }
        loser?.lose(address)
        return isClaimed
    }

    func release(_ address: DatagramAddress, by resident: Resident) {
        state.withLock { if $0.homes[address]?.resident == resident { $0.homes[address] = nil } }
    }

    /// The endpoint of the peer that is at `address`.
    func member(at address: DatagramAddress) -> GroupMember? {
        state.withLock { state in state.homes[address].map { state.members[$0.resident.endpoint] } }
    }
}

/// One endpoint of a group, as the others see it.
final class GroupMember: @unchecked Sendable {
    // SAFETY: `endpoint` is set before anybody else knows the member, and then used on `loop` only.

    /// Datagrams that wait to be taken over; further ones are dropped.
    static let inboxLimit = 2048
    /// Datagrams that are taken over in one turn of the loop.
    private static let inboxShare = 128

    private struct Item {
        var bytes: [UInt8]
        var source: DatagramAddress
    }

    private struct Inbox {
        var items: [Item] = []
        var isDrainPlanned = false
    }

    let loop: EventLoop
    weak var endpoint: WebRTCEndpoint?
    private let inbox = Mutex(Inbox())

    init(loop: EventLoop) { self.loop = loop }

    /// Hands over a datagram that another endpoint of the group has received.
    ///
    /// - Returns: `false` where too many wait.
    func post(_ bytes: [UInt8], from source: DatagramAddress) -> Bool {
        let (isAdded, isFirst) = inbox.withLock { inbox -> (Bool, Bool) in
            guard inbox.items.count < Self.inboxLimit else { return (false, false) }
            inbox.items.append(Item(bytes: bytes, source: source))
            defer { inbox.isDrainPlanned = true }
            return (true, !inbox.isDrainPlanned)
        }
        if isFirst { loop.execute { self.drain() } }
        return isAdded
    }

    private func drain() {
        let (items, isLast) = inbox.withLock { inbox -> ([Item], Bool) in
            let items = Array(inbox.items.prefix(Self.inboxShare))
            inbox.items.removeFirst(items.count)
            inbox.isDrainPlanned = !inbox.items.isEmpty
            return (items, inbox.items.isEmpty)
        }
        for item in items {
            let bytes = item.bytes
            endpoint?.adopt(bytes.span, from: item.source)
        }
        if !isLast { loop.executeNextTurn { self.drain() } }
    }

    /// Hands over a connection; where it is for none of its peers after all, it is closed.
    func post(_ connection: ForeignConnection) {
        loop.execute { self.endpoint?.adopt(connection) }
    }

    /// Lets packets from an address find no peer here, as it is another endpoint's peer's.
    func lose(_ address: DatagramAddress) {
        loop.execute { self.endpoint?.lose(address) }
    }
}
