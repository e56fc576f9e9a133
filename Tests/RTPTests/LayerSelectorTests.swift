import RTP
import Testing

@Suite struct LayerSelectorTests {
    private let second: UInt64 = 1_000_000_000
    private let bitrates = [150_000, 500_000, 2_000_000]

    private func choose(_ estimate: Int, at seconds: Double, by selector: inout LayerSelector) -> Int? {
        selector.choose(bitrates: bitrates, estimate: estimate, now: UInt64(seconds * 1e9))
        return selector.target
    }

    @Test func `begins with the largest layer that fits`() {
        var selector = LayerSelector()
        let first = choose(700_000, at: 0, by: &selector)
        var small = LayerSelector()
        let least = choose(50_000, at: 0, by: &small)
        #expect(first == 1)
        #expect(least == 0)
    }

    @Test func `switches at keyframes only, and keeps sending until then`() {
        var selector = LayerSelector()
        _ = choose(700_000, at: 0, by: &selector)
        #expect(selector.layerThatNeedsKeyframe == 1)
        let begins = [(1, false), (0, true), (1, true), (0, false), (1, false)]
            .map { selector.decide(layer: $0, isKeyframe: $1) }
        #expect(begins == [.drop, .drop, .forwardAfterSwitch, .drop, .forward])
        #expect(selector.layerThatNeedsKeyframe == nil)
        _ = choose(100_000, at: 1, by: &selector)
        let falls = [(1, false), (1, true), (0, false), (0, true), (1, true)]
            .map { selector.decide(layer: $0, isKeyframe: $1) }
        #expect(falls == [.forward, .forward, .drop, .forwardAfterSwitch, .drop])
    }

    @Test func `rises when there was room for two seconds, by one layer each time`() {
        var selector = LayerSelector()
        let targets = [
            (200_000, 0.0), (5_000_000, 1), (5_000_000, 2.9), (100_000, 2.95), (5_000_000, 3.5),
            (5_000_000, 5.6), (5_000_000, 7), (5_000_000, 8.1), (5_000_000, 9.2),
        ].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [0, 0, 0, 0, 0, 1, 1, 1, 2])
    }

    @Test func `waits longer after an attempt that failed`() {
        var selector = LayerSelector()
        let targets = [
            (200_000, 0.0), (600_000, 1), (600_000, 3), (400_000, 4), (600_000, 5), (600_000, 8),
            (600_000, 9),
        ].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [0, 0, 1, 0, 0, 0, 1])
    }

    @Test func `obeys the viewer's limit and leaves layers that end`() {
        var selector = LayerSelector()
        selector.limit = 1
        let limited = choose(9_000_000, at: 0, by: &selector)
        selector.limit = nil
        selector.choose(bitrates: [150_000, 0, 2_000_000], estimate: 300_000, now: second)
        #expect(limited == 1)
        #expect(selector.target == 0)
        selector.choose(bitrates: [0, 0, 0], estimate: 300_000, now: second)
        selector.choose(bitrates: [], estimate: 300_000, now: second)
        #expect(selector.target == 0)
    }

    @Test func `sends nothing after a break until a keyframe`() {
        var selector = LayerSelector()
        _ = choose(200_000, at: 0, by: &selector)
        _ = selector.decide(layer: 0, isKeyframe: true)
        selector.waitForKeyframe()
        let decisions = [false, true].map { selector.decide(layer: 0, isKeyframe: $0) }
        #expect(decisions == [.drop, .forwardAfterSwitch])
    }
}
