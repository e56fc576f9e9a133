import Lifecycle

/// Runs the asynchronous work of connections under one owner, so that none is left over at the end.
final class Errands: Service {
    /// The most errands that wait to be begun; further ones are refused.
    static let limit = 4096

    typealias Work = @Sendable () async -> Void

    let name = "errands"
    private let queue: AsyncStream<Work>
    private let input: AsyncStream<Work>.Continuation

    init() { (queue, input) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit)) }

    /// Begins `work` soon.
    ///
    /// - Returns: whether there was room for it.
    @discardableResult
    func run(_ work: @escaping Work) -> Bool {
        if case .enqueued = input.yield(work) { return true }
        return false
    }

    func run(until shutdown: Shutdown) async throws {
        await withDiscardingTaskGroup { group in
            group.addTask {
                try? await shutdown.requested()
                self.input.finish()
            }
            for await work in queue { group.addTask { await work() } }
        }
    }
}
