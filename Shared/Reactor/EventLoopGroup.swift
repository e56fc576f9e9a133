import Synchronization

/// Several loops, handed out in turn.
public final class EventLoopGroup: Sendable {
    /// The loops, in the order they are handed out.
    public let loops: [EventLoop]
    private let position = Atomic<Int>(0)

    /// Starts `count` loops named `<name>-0`, `<name>-1`, ….
    public init(count: Int, name: String) {
        precondition(count > 0)
        loops = (0..<count).map { EventLoop(name: "\(name)-\($0)") }
    }

    /// The loop whose turn it is.
    public func next() -> EventLoop {
        loops[
            Int(
                bitPattern: UInt(bitPattern: position.wrappingAdd(1, ordering: .relaxed).oldValue)
                    % UInt(loops.count)
            )
        ]
    }

    /// Stops every loop.
    public func stop() {
        for loop in loops { loop.stop() }
    }
}
