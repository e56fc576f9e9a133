import Lifecycle
import Synchronization

/// Runs the asynchronous work of connections under one owner, so that none is left over at the end.
final class Errands: Service {
    /// The most errands that are begun or wait for it, several for each connection there may be; further ones are
    /// refused.
    static let limit = 16_384

    typealias Work = @Sendable () async -> Void

    let name = "errands"
    private let queue: AsyncStream<Work>
    private let input: AsyncStream<Work>.Continuation
    private let unfinished = Atomic<Int>(0)

    init() { (queue, input) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit)) }

    /// Begins `work` soon.
    ///
    /// - Returns: whether there was room for it.
    @discardableResult
    func run(_ work: @escaping Work) -> Bool {
        let (_, count) = unfinished.wrappingAdd(1, ordering: .relaxed)
        if count <= Self.limit, case .enqueued = input.yield(work) { return true }
        unfinished.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    private func perform(_ work: Work) async {
        await work()
        unfinished.wrappingSubtract(1, ordering: .relaxed)
    }

    func run(until shutdown: Shutdown) async throws {
        await withDiscardingTaskGroup { group in
            group.addTask {
                try? await shutdown.requested()
                self.input.finish()
            }
            for await work in queue { group.addTask { await self.perform(work) } }
        }
    }
}
