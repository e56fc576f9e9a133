import Media

/// The requests that are held until a session has come further.
struct SessionWaiters: ~Copyable {
    /// What a request waits for.
    enum Condition: Sendable, Equatable {
        /// The playlist of a track holds a segment or a part.
        case edge(TrackID, mediaSequence: UInt32, part: Int?)
        /// A part is there, or can no longer come.
        case part(TrackID, PartID)
        /// The log has an event with this number.
        case event(UInt64)
        /// The session has a track with a part, or has ended.
        case firstPart
        /// The session has a whole segment, or has ended.
        case firstSegment
        /// All tracks of the session have a part, as far as they are waited for.
        case everyTrack
    }

    private struct Waiter {
        var condition: Condition
        var deadline: UInt64
        var continuation: CheckedContinuation<Bool, Never>
    }

    /// What is to be resumed, outside of the lock, with whether its condition holds.
    struct Woken: Sendable {
        fileprivate var continuations: [CheckedContinuation<Bool, Never>] = []
        fileprivate var result = true

        func resume() {
            for continuation in continuations { continuation.resume(returning: result) }
        }
    }

    private var waiters: [UInt64: Waiter] = [:]
    private var nextID: UInt64 = 0

    var count: Int { waiters.count }

    mutating func reserveID() -> UInt64 {
        defer { nextID &+= 1 }
        return nextID
    }

    mutating func add(
        _ id: UInt64,
        _ condition: Condition,
        until deadline: UInt64,
        _ continuation: CheckedContinuation<Bool, Never>
    ) {
        waiters[id] = Waiter(condition: condition, deadline: deadline, continuation: continuation)
    }

    mutating func remove(_ id: UInt64) -> Woken {
        Woken(continuations: waiters.removeValue(forKey: id).map { [$0.continuation] } ?? [], result: false)
    }

    /// Takes out those whose condition holds.
    mutating func takeSatisfied(_ holds: (Condition) -> Bool) -> Woken {
        // Most wait for the same: each condition is judged once.
        var judged: (condition: Condition, holds: Bool)?
        var woken = Woken()
        for (id, waiter) in waiters {
            if judged?.condition != waiter.condition { judged = (waiter.condition, holds(waiter.condition)) }
            guard judged?.holds == true else { continue }
            woken.continuations.append(waiter.continuation)
            waiters[id] = nil
        }
        return woken
    }

    /// Takes out those that have waited long enough.
    mutating func takeExpired(at now: UInt64) -> Woken {
        var woken = Woken(result: false)
        for (id, waiter) in waiters where waiter.deadline <= now {
            woken.continuations.append(waiter.continuation)
            waiters[id] = nil
        }
        return woken
    }
}
