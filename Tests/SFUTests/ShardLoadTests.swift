import Testing

@testable import SFU

struct ShardLoadTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let start: UInt64 = 1_000_000_000

    /// A load that was told of the same wait each five milliseconds for a second, and when that was last.
    private func load(wait: UInt64) -> (ShardLoad, UInt64) {
        let load = ShardLoad()
        let times = stride(from: Self.start, through: Self.start + 1_000_000_000, by: 5_000_000)
        for time in times { load.note(wait: wait, at: time) }
        return (load, Self.start + 1_000_000_000)
    }

    @Test func `a loop that keeps up takes more viewers`() {
        let (load, now) = load(wait: 30 * Self.millisecond)
        #expect(!load.isTooHigh(at: now) && !ShardLoad().isTooHigh(at: now))
    }

    @Test func `a loop that is behind takes none until it has caught up`() {
        let (load, now) = load(wait: 80 * Self.millisecond)
        #expect(load.isTooHigh(at: now))
        for step in 1...100 { load.note(wait: Self.millisecond, at: now + UInt64(step) * 5_000_000) }
        #expect(!load.isTooHigh(at: now + 500_000_000))
    }

    @Test func `one long wait is nothing, and silence is an end of it`() {
        let (calm, now) = load(wait: Self.millisecond)
        calm.note(wait: .max, at: now + Self.millisecond)
        #expect(!calm.isTooHigh(at: now + Self.millisecond))
        let (behind, last) = load(wait: .max)
        #expect(behind.isTooHigh(at: last) && !behind.isTooHigh(at: last + ShardLoad.memory))
    }
}
