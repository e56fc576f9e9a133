/// One call that a loop will make later; letting go of it does not cancel it.
public final class LoopTimer {
    fileprivate let deadline: UInt64
    fileprivate var body: (() -> Void)?

    fileprivate init(deadline: UInt64, body: @escaping () -> Void) {
        self.deadline = deadline
        self.body = body
    }

    /// Forgets the call; to be used on the loop only.
    public func cancel() { body = nil }
}

/// The timers of one loop, earliest first, as a binary heap; cancelled ones leave when their time comes.
struct TimerQueue {
    private var heap: [LoopTimer] = []

    mutating func add(deadline: UInt64, _ body: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(deadline: deadline, body: body)
        heap.append(timer)
        siftUp()
        return timer
    }

    /// Takes the next call that is due; the caller makes it, because it may add timers.
    mutating func popDue(at now: UInt64) -> (() -> Void)? {
        while let first = heap.first, first.body == nil || first.deadline <= now {
            removeFirst()
            let body = first.body
            first.body = nil
            if let body { return body }
        }
        return nil
    }

    /// The milliseconds until the next timer, rounded up, or -1 where there is none.
    mutating func millisecondsToNext(from now: UInt64) -> CInt {
        guard let nanoseconds = nanosecondsToNext(from: now) else { return -1 }
        return CInt(clamping: (nanoseconds &+ 999_999) / 1_000_000)
    }

    /// The nanoseconds until the next timer, or `nil` where there is none.
    mutating func nanosecondsToNext(from now: UInt64) -> UInt64? {
        while let first = heap.first, first.body == nil { removeFirst() }
        guard let first = heap.first else { return nil }
        return first.deadline > now ? first.deadline - now : 0
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown()
    }

    private mutating func siftUp() {
        var index = heap.count - 1
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown() {
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].deadline < heap[smallest].deadline {
                smallest = child
            }
            guard smallest != index else { return }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
