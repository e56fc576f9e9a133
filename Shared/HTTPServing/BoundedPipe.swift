import Synchronization

/// A queue between one producer, who must not wait, and one consumer, who may.
///
/// The producer is told when the queue is full and called back when there is room again.
final class BoundedPipe<Element: Sendable>: Sendable {
    private struct State {
        var elements: [(value: Element, cost: Int)] = []
        var head = 0
        var cost = 0
        var isPaused = false
        var tellsOfFirstWait = false
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Element?, any Error>?
        var demand: (@Sendable () -> Void)?
    }

    private let highWater: Int
    private let state = Mutex(State())

    private let abandoned: (@Sendable () -> Void)?

    /// Creates an empty pipe that is full at a cost of `highWater`.
    ///
    /// - Parameter abandoned: Called when nobody holds the pipe any more.
    init(highWater: Int, abandoned: (@Sendable () -> Void)? = nil) {
        self.highWater = highWater
        self.abandoned = abandoned
    }

    deinit {
        abandoned?()
    }

    /// What has been pushed and not yet read.
    var bufferedCost: Int { state.withLock { $0.cost } }

    /// Calls `demand` whenever a full pipe has room again, and once when somebody first waits for an element.
    func onDemand(_ demand: @escaping @Sendable () -> Void) {
        state.withLock {
            $0.demand = demand
            $0.tellsOfFirstWait = true
        }
    }

    /// Adds an element.
    ///
    /// - Returns: whether there is room for more; if not, wait for the demand.
    func push(_ element: Element, cost: Int) -> Bool {
        let (waiter, hasRoom) = state.withLock { state -> (CheckedContinuation<Element?, any Error>?, Bool) in
            guard state.end == nil else { return (nil, true) }
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, true)
            }
            state.elements.append((element, cost))
            state.cost += cost
            state.isPaused = state.cost >= highWater
            return (nil, !state.isPaused)
        }
        waiter?.resume(returning: element)
        return hasRoom
    }

    /// Ends the pipe; what is in it can still be read, and later calls have no effect.
    func finish(throwing error: (any Error)? = nil) {
        let waiter = state.withLock { state -> CheckedContinuation<Element?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = error.map { .failure($0) } ?? .success(())
            state.demand = nil
            defer { state.waiter = nil }
            return state.waiter
        }
        if let error { waiter?.resume(throwing: error) } else { waiter?.resume(returning: nil) }
    }

    /// The next element, or `nil` at the end.
    func next() async throws -> Element? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                var demand: (@Sendable () -> Void)?
                let verdict: Result<Element?, any Error>? = state.withLock { state in
                    if let element = Self.take(from: &state, below: highWater / 2, demand: &demand) {
                        return .success(element)
                    }
                    if let end = state.end { return end.map { nil } }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.tellsOfFirstWait {
                        state.tellsOfFirstWait = false
                        demand = state.demand
                    }
                    state.waiter = waiter
                    return nil
                }
                demand?()
                if let verdict { waiter.resume(with: verdict) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private static func take(
        from state: inout State,
        below lowWater: Int,
        demand: inout (@Sendable () -> Void)?
    ) -> Element? {
        guard state.head < state.elements.count else { return nil }
        let (value, cost) = state.elements[state.head]
        state.head += 1
        state.cost -= cost
        if state.head == state.elements.count {
            state.elements.removeAll(keepingCapacity: true)
            state.head = 0
        }
        if state.isPaused, state.cost <= lowWater {
            state.isPaused = false
            demand = state.demand
        }
        return value
    }
}
