public import Lifecycle

/// Runs `service` while `body` runs, then shuts it down and waits for its end.
public func running(_ service: some Service, _ body: () async throws -> Void) async throws {
    let shutdown = Shutdown()
    let task = Task { try await service.run(until: shutdown) }
    do {
        try await body()
    } catch {
        shutdown.request()
        _ = try? await task.value
        throw error
    }
    shutdown.request()
    try await task.value
}
