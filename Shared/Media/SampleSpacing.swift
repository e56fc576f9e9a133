/// Learns how far apart the samples of a track are, to predict when the next one will come.
struct SampleSpacing: Sendable {
    private static let memory = 16
    // Kept inline: the spacing is copied with every sample, which must not cost an allocation.
    private var recent = InlineArray<16, Int64>(repeating: 0)
    private var count = 0
    private var position = 0

    /// The usual distance between samples in ticks, 0 while nothing is known.
    private(set) var usual: Int64
    /// The longest distance that is still usual: clocks in milliseconds and jitter, but no lost frames.
    private(set) var longest: Int64

    /// Creates a spacing from what the configuration says; 0 where it says nothing.
    init(nominal: Int64) {
        usual = max(0, nominal)
        longest = usual
    }

    /// Takes note of the distance between two samples.
    mutating func observe(_ distance: Int64) {
        recent[position] = distance
        position = (position + 1) % Self.memory
        count = min(count + 1, Self.memory)
        let sorted = sorted
        let median = sorted[count / 2]
        var sum: Int64 = 0
        var inlierCount: Int64 = 0
        for index in 0..<count {
            let value = sorted[index]
            guard value <= median + median / 2, value >= median / 2 else { continue }
            sum += value
            inlierCount += 1
            longest = value
        }
        usual = (sum + inlierCount / 2) / max(1, inlierCount)
    }

    /// The recent distances in order, by insertion: they are few and mostly alike.
    private var sorted: InlineArray<16, Int64> {
        var sorted = recent
        for end in 1..<max(count, 1) {
            let value = sorted[end]
            var index = end
            while index > 0, sorted[index - 1] > value {
                sorted[index] = sorted[index - 1]
                index -= 1
            }
            sorted[index] = value
        }
        return sorted
    }
}
