/// Who is sent a feed: each in turn, as many at a time as the caller likes.
///
/// Whoever has not had a turn when more comes is given all of it then, so that a loop with too much to do falls behind
/// by one round, and no further.
struct Audience<Member: AnyObject> {
    private struct Arrival {
        let time: UInt64
        /// The turn after the last in which it is given to somebody.
        let end: UInt64
    }

    /// Arrivals that are told apart; of further ones the age is that of an older one.
    private static var arrivalLimit: Int { 64 }

    private(set) var members: [Member] = []
    /// Whose turn is next.
    private var cursor = 0
    /// Turns there have been, and those after which everybody has all.
    private var turn: UInt64 = 0
    private var end: UInt64 = 0
    private var arrivals: [Arrival] = []

    /// Whether everybody has what has come.
    var isServed: Bool { turn == end }

    /// When the oldest came that the next in turn has not been given, in the caller's clock.
    var oldestArrival: UInt64? { arrivals.first { $0.end > turn }?.time }

    /// Takes a member in, once.
    mutating func add(_ member: Member) {
        guard !members.contains(where: { $0 === member }) else { return }
        // Among those who wait it has a turn too, so that it takes nobody's.
        let place = turn &+ UInt64(members.count - cursor)
        if end > place { shiftEnds(after: place) { $0 &+ 1 } }
        members.append(member)
    }

    /// Lets a member go, where it is one.
    mutating func remove(_ member: Member) {
        guard let index = members.firstIndex(where: { $0 === member }) else { return }
        let distance = index >= cursor ? index - cursor : index - cursor + members.count
        let place = turn &+ UInt64(distance)
        if end > place { shiftEnds(after: place) { $0 &- 1 } }
        members.remove(at: index)
        if index < cursor { cursor -= 1 }
        if cursor >= members.count { cursor = 0 }
    }

    private mutating func shiftEnds(after place: UInt64, _ shift: (UInt64) -> UInt64) {
        end = shift(end)
        arrivals = arrivals.map { Arrival(time: $0.time, end: $0.end > place ? shift($0.end) : $0.end) }
    }

    /// Something for everybody has come at `time`.
    mutating func announce(at time: UInt64) {
        end = turn &+ UInt64(members.count)
        arrivals.removeAll { $0.end <= turn }
        if arrivals.count < Self.arrivalLimit { arrivals.append(Arrival(time: time, end: end)) }
    }

    /// Whose turn it is, `nil` when everybody has all.
    mutating func next() -> Member? {
        guard turn < end, !members.isEmpty else {
            turn = end
            return nil
        }
        defer {
            cursor = (cursor + 1) % members.count
            turn &+= 1
        }
        return members[cursor]
    }
}
