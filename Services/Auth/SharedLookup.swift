import Synchronization

/// Lets requests that ask for the same thing at once wait for one answer, so that a page's burst after a
/// restart costs one query, and one password hash.
final class SharedLookup: Sendable {
    typealias Answer = Result<Principal?, any Error>
    private typealias Waiter = CheckedContinuation<Answer?, Never>

    /// The waiters of each lookup under way.
    private let underWay = Mutex<[GrantCache.Key: [Waiter]]>([:])

    /// Returns what `look` finds, or what the same lookup finds that is under way already.
    func answer(_ key: GrantCache.Key, _ look: () async throws -> Principal?) async throws -> Principal? {
        while let answer = await join(key) {
            // Where the client that looked has gone away, somebody else must look.
            if case .failure(let error) = answer, error is CancellationError, !Task.isCancelled { continue }
            return try answer.get()
        }
        do {
            let principal = try await look()
            finish(key, .success(principal))
            return principal
        } catch {
            finish(key, .failure(error))
            throw error
        }
    }

    /// Waits for the lookup under way, or returns `nil` to whoever is the first and must look.
    private func join(_ key: GrantCache.Key) async -> Answer? {
        await withCheckedContinuation { (waiter: Waiter) in
            let isFirst = underWay.withLock { underWay in
                guard underWay[key] != nil else {
                    underWay[key] = []
                    return true
                }
                underWay[key]?.append(waiter)
                return false
            }
            if isFirst { waiter.resume(returning: nil) }
        }
    }

    private func finish(_ key: GrantCache.Key, _ answer: Answer) {
        let waiters = underWay.withLock { $0.removeValue(forKey: key) ?? [] }
        for waiter in waiters { waiter.resume(returning: answer) }
    }
}
