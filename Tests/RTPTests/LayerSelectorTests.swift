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

    @Test func `asks for a keyframe of the layer that it aims at until that is sent`() {
        var selector = LayerSelector()
        _ = choose(700_000, at: 0, by: &selector)
        #expect(selector.layerThatNeedsKeyframe == 1)
        selector.begin(1)
        #expect(selector.layerThatNeedsKeyframe == nil)
        _ = choose(100_000, at: 1, by: &selector)
        #expect(selector.layerThatNeedsKeyframe == 0 && selector.current == 1)
    }

    @Test func `says why it has chosen a layer`() {
        var selector = LayerSelector()
        var reasons: [LayerSelector.Reason] = []
        for (estimate, seconds) in [(700_000, 0.0), (5_000_000, 1), (5_000_000, 4)] {
            _ = choose(estimate, at: seconds, by: &selector)
            reasons.append(selector.reason)
        }
        selector.limit = 0
        _ = choose(5_000_000, at: 5, by: &selector)
        reasons.append(selector.reason)
        selector.wish = 2
        let wished = choose(100_000, at: 6, by: &selector)
        reasons.append(selector.reason)
        #expect(reasons == [.bandwidth, .steadying, .best, .size, .wish])
        #expect(wished == 2)
    }

    @Test func `keeps what it has chosen where layers get other numbers`() {
        var selector = LayerSelector()
        _ = choose(700_000, at: 0, by: &selector)
        selector.begin(1)
        selector.renumber { $0 == 1 ? 2 : nil }
        #expect(selector.current == 2 && selector.target == 2)
        selector.renumber { _ in nil }
        #expect(selector.current == nil && selector.target == nil)
    }

    @Test func `rises when there was room for two seconds, to the largest layer that fits then`() {
        var selector = LayerSelector()
        let targets = [
            (200_000, 0.0), (900_000, 1), (900_000, 2.9), (100_000, 2.95), (900_000, 3.5), (900_000, 5.6),
            (900_000, 8), (100_000, 9), (900_000, 10), (5_000_000, 16), (5_000_000, 18.1),
        ].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2])
    }

    @Test func `waits longer after an attempt that failed`() {
        var selector = LayerSelector()
        let targets = [
            (200_000, 0.0), (600_000, 1), (600_000, 3), (300_000, 4), (600_000, 5), (600_000, 12),
            (600_000, 13),
        ].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [0, 0, 1, 0, 0, 0, 1])
    }

    @Test func `forgets attempts that failed where the viewer wants another size`() {
        var selector = LayerSelector()
        for (estimate, seconds) in [(200_000, 0.0), (600_000, 1), (600_000, 3), (300_000, 4)] {
            _ = choose(estimate, at: seconds, by: &selector)
        }
        selector.limit = 1
        let targets = [(600_000, 5.0), (600_000, 7)].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [0, 1])
    }

    @Test func `goes on to a still smaller layer before the one between has begun`() {
        var selector = LayerSelector()
        _ = choose(9_000_000, at: 0, by: &selector)
        selector.begin(2)
        let targets = [(600_000, 1.0), (550_000, 1.1), (480_000, 1.2)].map {
            choose($0, at: $1, by: &selector)
        }
        #expect(targets == [1, 1, 0])
    }

    @Test func `bears an estimate that is a little too small for a moment`() {
        var selector = LayerSelector()
        let targets = [
            (600_000, 0.0), (430_000, 1), (480_000, 2), (430_000, 3), (430_000, 4.9), (430_000, 5),
        ].map { choose($0, at: $1, by: &selector) }
        #expect(targets == [1, 1, 1, 1, 1, 0])
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
}
