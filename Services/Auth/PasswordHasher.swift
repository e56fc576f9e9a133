import Crypto
import HTTPServing
import Reactor
import Synchronization

/// Computes password hashes on threads of their own, a few at a time.
final class PasswordHasher: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct State {
        var running = 0
        var waiting: [Job] = []
    }

    /// Hashes that may wait; further ones are refused, since they would wait for seconds.
    static let waitingLimit = 32

    private let cost: Argon2id
    private let threadLimit: Int
    private let decoy: String
    private let state = Mutex(State())

    /// Creates a hasher; it blocks for one hash.
    init(cost: Argon2id, threads: Int) throws {
        self.cost = cost
        threadLimit = threads
        decoy = try cost.hash(Randomness.secret())
    }

    func hash(_ password: String) async throws -> String {
        let cost = cost
        return try await run { Result { try cost.hash(password) } }.get()
    }

    /// Whether `hash` is that of `password`; without a hash it takes the same time to say no.
    func verify(_ password: String, against hash: String?) async throws -> Bool {
        let decoy = decoy
        let matches = try await run { Argon2id.verify(password, against: hash ?? decoy) }
        return matches && hash != nil
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        let value = await withCheckedContinuation { (answer: CheckedContinuation<Value?, Never>) in
            let isAccepted = enqueue { answer.resume(returning: work()) }
            if !isAccepted { answer.resume(returning: nil) }
        }
        guard let value else {
            let detail = "Too many logins at this moment. Try again in a second."
            throw HTTPProblem(503, "logins_busy", detail, headers: ["Retry-After": "1"])
        }
        return value
    }

    private func enqueue(_ job: @escaping Job) -> Bool {
        let verdict: (isAccepted: Bool, needsThread: Bool) = state.withLock { state in
            if state.running < threadLimit {
                state.running += 1
                return (true, true)
            }
            guard state.waiting.count < Self.waitingLimit else { return (false, false) }
            state.waiting.append(job)
            return (true, false)
        }
        if verdict.needsThread {
            PlatformThread.detach(named: "passwords") { self.work(beginningWith: job) }
        }
        return verdict.isAccepted
    }

    private func work(beginningWith first: Job) {
        first()
        while let job = next() { job() }
    }

    private func next() -> Job? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
