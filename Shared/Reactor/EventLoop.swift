import CPlatform
import Glibc
import Synchronization

/// One thread that waits for descriptors and timers and runs the jobs of the actors bound to it.
///
/// It is a serial executor (an actor returns it as its `unownedExecutor`) and a task executor
/// (a nonisolated task prefers it). Actors of one loop call each other by `assumeIsolated`.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // SAFETY: everything but `inbox` is touched by the loop's own thread only; `precondition(isInLoop)`
    // guards the entry points.

    private struct Inbox: ~Copyable {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable () -> Void] = []
        var isSignalled = false
        var isStopped = false
    }

    private struct Watcher {
        var handler: (any EventHandler)?
        var generation: UInt32 = 0
    }

    /// The name of the thread, at most 15 characters of it visible to the kernel.
    public let name: String

    private let inbox = Mutex(Inbox())
    private let thread = Atomic<UInt>(0)
    private let epoll: CInt
    private let wakeup: CInt
    private var watchers: [Watcher] = []
    private var timers = TimerQueue()
    private var running: [UnownedJob] = []
    private var nextTurn: [() -> Void] = []
    private var restNanoseconds: UInt64 = 0

    /// Creates a loop and starts its thread, which lives until ``stop()``.
    public init(name: String) {
        self.name = name
        epoll = cplatform_epoll_create()
        wakeup = cplatform_eventfd()
        precondition(epoll >= 0 && wakeup >= 0, "no descriptors left for an event loop")
        _ = cplatform_epoll_add(epoll, wakeup, EventSet.readable.rawValue, UInt64.max)
        PlatformThread.detach(named: name) { self.run() }
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// Whether the caller runs on the loop's thread.
    public var isInLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Nanoseconds of the monotonic clock.
    public static var now: UInt64 { cplatform_monotonic_nanoseconds() }

    /// Ends the thread after what has been enqueued so far; the loop must not be used afterwards.
    public func stop() {
        inbox.withLock { $0.isStopped = true }
        signal()
    }

    /// Runs `body` on the loop, soon, in the order of the calls.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        let mustSignal = inbox.withLock { inbox in
            inbox.closures.append(body)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        if mustSignal && !isInLoop { signal() }
    }

    /// Runs `body` on the loop after it has looked after the descriptors that are ready by then; on the loop only.
    ///
    /// Long work goes on by it a piece at a time, so that nothing else waits for all of it.
    public func executeNextTurn(_ body: @escaping () -> Void) {
        precondition(isInLoop)
        nextTurn.append(body)
    }

    // MARK: Executor

    /// Adds a job from the concurrency runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustSignal = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        if mustSignal && !isInLoop { signal() }
    }

    /// Traps unless the caller runs on the loop.
    public func checkIsolated() { precondition(isInLoop, "not on the event loop \(name)") }

    /// Whether the caller runs on the loop, for the runtime's own checks.
    public func isIsolatingCurrentContext() -> Bool? { isInLoop }

    /// Whether two loops are one.
    public func isSameExclusiveExecutionContext(other: EventLoop) -> Bool { self === other }

    /// The loop as the executor of an actor.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(complexEquality: self)
    }

    // MARK: Descriptors, on the loop only

    /// Calls `handler` when `descriptor` is ready, until ``unwatch(_:)``.
    ///
    /// - Returns: `false` if the kernel refused it.
    @discardableResult
    public func watch(_ descriptor: CInt, for events: EventSet, handler: any EventHandler) -> Bool {
        precondition(isInLoop)
        let index = Int(descriptor)
        while watchers.count <= index { watchers.append(Watcher()) }
        watchers[index].generation &+= 1
        watchers[index].handler = handler
        return cplatform_epoll_add(epoll, descriptor, events.rawValue, key(of: index)) == 0
    }

    /// Changes what `descriptor` is watched for.
    public func rewatch(_ descriptor: CInt, for events: EventSet) {
        precondition(isInLoop)
        _ = cplatform_epoll_modify(epoll, descriptor, events.rawValue, key(of: Int(descriptor)))
    }

    /// Forgets `descriptor`; call it before closing the descriptor.
    public func unwatch(_ descriptor: CInt) {
        precondition(isInLoop)
        let index = Int(descriptor)
        guard watchers.indices.contains(index) else { return }
        watchers[index].handler = nil
        watchers[index].generation &+= 1
        _ = cplatform_epoll_remove(epoll, descriptor)
    }

    /// The longest rest.
    public static let longestRest = Duration.milliseconds(50)

    /// How long the loop rests before it asks what is ready, so that one wake-up serves many busy descriptors.
    ///
    /// None is the default; on the loop only. Everything on the loop may come later by as much.
    public var rest: Duration {
        get { .nanoseconds(Int64(clamping: restNanoseconds)) }
        set {
            precondition(isInLoop)
            restNanoseconds = min(newValue, Self.longestRest).nanoseconds
        }
    }

    // MARK: Timers, on the loop only

    /// Calls `body` once on the loop after `delay`, unless cancelled.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> LoopTimer {
        precondition(isInLoop)
        return timers.add(deadline: Self.now &+ delay.nanoseconds, body)
    }

    /// Suspends the calling task for `delay` on this loop's timers.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(for delay: Duration) async throws {
        let waiter = SleepWaiter()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiter.wait(continuation)
                execute {
                    self.schedule(after: delay) { waiter.finish(with: .success(())) }
                }
            }
        } onCancel: {
            waiter.finish(with: .failure(CancellationError()))
        }
    }

    // MARK: The thread

    private func key(of index: Int) -> UInt64 {
        UInt64(watchers[index].generation) << 32 | UInt64(index)
    }

    private func signal() {
        var one: UInt64 = 1
        // SAFETY: the kernel reads eight bytes of a local variable before the call returns.
        _ = unsafe write(wakeup, &one, 8)
    }

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .sequentiallyConsistent)
        var events = [cplatform_event](repeating: cplatform_event(), count: 256)
        while true {
            while drainInbox() {}
            let now = Self.now
            while let body = timers.popDue(at: now) { body() }
            if inbox.withLock({ $0.isStopped && $0.jobs.isEmpty && $0.closures.isEmpty }) { return }
            let hasWork = inbox.withLock { $0.isSignalled } || !nextTurn.isEmpty
            if !hasWork, restNanoseconds > 0 { takeRest() }
            let timeout = hasWork ? 0 : timers.millisecondsToNext(from: Self.now)
            // SAFETY: the array outlives the call and holds as many events as the count says.
            let count = unsafe cplatform_epoll_wait(epoll, &events, CInt(events.count), timeout)
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            takeTurn()
        }
    }

    private func takeTurn() {
        guard !nextTurn.isEmpty else { return }
        var bodies: [() -> Void] = []
        swap(&bodies, &nextTurn)
        for body in bodies { body() }
    }

    private func takeRest() {
        let toTimer = timers.nanosecondsToNext(from: Self.now) ?? restNanoseconds
        var duration = timespec(tv_sec: 0, tv_nsec: Int(min(restNanoseconds, toTimer)))
        // SAFETY: the kernel reads a local variable before the call returns.
        _ = unsafe nanosleep(&duration, nil)
    }

    private func dispatch(_ event: cplatform_event) {
        if event.data == UInt64.max {
            var value: UInt64 = 0
            // SAFETY: the kernel writes eight bytes into a local variable before the call returns.
            _ = unsafe read(wakeup, &value, 8)
            return
        }
        let index = Int(event.data & 0xffff_ffff)
        // A handler called earlier in this batch may have closed the descriptor; the generation tells.
        guard watchers[index].generation == UInt32(event.data >> 32) else { return }
        watchers[index].handler?.ready(EventSet(rawValue: event.events))
    }

    private func drainInbox() -> Bool {
        var closures: [@Sendable () -> Void] = []
        inbox.withLock { inbox in
            swap(&inbox.jobs, &running)
            swap(&inbox.closures, &closures)
            inbox.isSignalled = false
        }
        if running.isEmpty && closures.isEmpty { return false }
        var jobs: [UnownedJob] = []
        swap(&jobs, &running)
        for job in jobs {
            // SAFETY: this thread is the executor, and each job is run once.
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(),
                taskExecutor: asUnownedTaskExecutor()
            )
        }
        for closure in closures { closure() }
        jobs.removeAll(keepingCapacity: true)
        if running.isEmpty { swap(&jobs, &running) }
        return true
    }
}

/// What a descriptor is ready for, or is watched for.
public struct EventSet: OptionSet, Sendable {
    /// The bits of `epoll(7)`.
    public var rawValue: UInt32

    /// Creates a set from the bits of `epoll(7)`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// There is something to read, or a connection to accept.
    public static let readable = EventSet(rawValue: 0x001)
    /// There is room to write.
    public static let writable = EventSet(rawValue: 0x004)
    /// The descriptor failed; always reported.
    public static let failed = EventSet(rawValue: 0x008)
    /// Both directions are closed; always reported.
    public static let hungUp = EventSet(rawValue: 0x010)
    /// The peer will send no more.
    public static let peerClosed = EventSet(rawValue: 0x2000)
}

/// Who is told that a descriptor is ready; called on the loop's thread.
public protocol EventHandler: AnyObject {
    /// Acts on a bounded amount of what is ready.
    func ready(_ events: EventSet)
}

extension Duration {
    /// The whole nanoseconds of a non-negative duration; negative ones count as zero.
    public var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? UInt64.max / 4 : product &+ UInt64(attoseconds / 1_000_000_000)
    }
}

private final class SleepWaiter: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Void, any Error>)
        case finished(Result<Void, any Error>)
    }

    private let state = Mutex(State.idle)

    func wait(_ continuation: CheckedContinuation<Void, any Error>) {
        let result = state.withLock { state -> Result<Void, any Error>? in
            if case .finished(let result) = state { return result }
            state = .waiting(continuation)
            return nil
        }
        if let result { continuation.resume(with: result) }
    }

    func finish(with result: Result<Void, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            switch state {
            case .idle:
                state = .finished(result)
                return nil
            case .waiting(let continuation):
                state = .finished(result)
                return continuation
            case .finished:
                return nil
            }
        }
        continuation?.resume(with: result)
    }
}
