import Synchronization

/// A whole number that goes up and down, scraped as a Prometheus gauge.
public final class Gauge: Sendable {
    private let value = Atomic<Int64>(0)

    /// Creates a gauge at zero.
    public init() {}

    /// Replaces the number.
    public func set(_ number: Int64) { value.store(number, ordering: .relaxed) }

    /// Adds `amount`, which may be negative.
    public func add(_ amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }

    /// The number at this moment.
    public var current: Int64 { value.load(ordering: .relaxed) }
}
