import Reactor
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    @Test func `actors of one loop share it without a hop`() async {
        let loop = EventLoop(name: "test")
        let router = Router(loop: loop)
        let publisher = Publisher(loop: loop, router: router)
        await publisher.publish(3)
        #expect(await router.forwarded == 3)
        loop.stop()
    }

    @Test func `timers fire in the order of their deadlines, cancelled ones never`() async {
        let loop = EventLoop(name: "test")
        let fired = Mutex<[Int]>([])
        await withCheckedContinuation { continuation in
            loop.execute {
                loop.schedule(after: .milliseconds(30)) {
                    fired.withLock { $0.append(3) }
                    continuation.resume()
                }
                loop.schedule(after: .milliseconds(10)) { fired.withLock { $0.append(1) } }
                loop.schedule(after: .milliseconds(15)) { fired.withLock { $0.append(9) } }.cancel()
                loop.schedule(after: .milliseconds(20)) { fired.withLock { $0.append(2) } }
            }
        }
        #expect(fired.withLock { $0 } == [1, 2, 3])
        loop.stop()
    }

    @Test func `a timer may schedule the next one`() async {
        let loop = EventLoop(name: "test")
        await withCheckedContinuation { continuation in
            loop.execute {
                loop.schedule(after: .milliseconds(1)) {
                    loop.schedule(after: .milliseconds(1)) { continuation.resume() }
                }
            }
        }
        loop.stop()
    }

    @Test func `a sleep ends at once when its task is cancelled`() async {
        let loop = EventLoop(name: "test")
        let task = Task { try await loop.sleep(for: .seconds(600)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        loop.stop()
    }

    @Test func `a task that prefers the loop runs on it`() async {
        let loop = EventLoop(name: "test")
        let isOnLoop = await Task(executorPreference: loop) { loop.isInLoop }.value
        #expect(isOnLoop)
        loop.stop()
    }
}

private actor Router {
    private let loop: EventLoop
    private(set) var forwarded = 0
    // SAFETY: the actor keeps its loop alive.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    init(loop: EventLoop) { self.loop = loop }
    func forward() { forwarded += 1 }
}

private actor Publisher {
    private let loop: EventLoop
    private let router: Router
    // SAFETY: the actor keeps its loop alive.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    init(loop: EventLoop, router: Router) {
        self.loop = loop
        self.router = router
    }
    func publish(_ count: Int) {
        for _ in 0..<count {
            router.assumeIsolated { $0.forward() }
        }
    }
}
