import Synchronization

/// What a service needs, and whether it is there.
public final class Readiness: Sendable {
    /// Whether one dependency answers; it must not take long.
    public typealias Check = @Sendable () async -> Bool

    private let checks = Mutex<[(name: String, check: Check)]>([])

    /// Creates a service that needs nothing.
    public init() {}

    /// Adds something that the service needs.
    public func add(_ name: String, _ check: @escaping Check) {
        checks.withLock { $0.append((name, check)) }
    }

    var all: [(name: String, check: Check)] { checks.withLock { $0 } }
}
