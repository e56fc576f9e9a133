/// Decoded sound that waits to be encoded: interleaved samples at 48 kHz, and their place on the timeline.
struct SampleQueue {
    let channelCount: Int
    /// The place of the first sample that waits, in samples at 48 kHz on the session's timeline.
    private(set) var position: Int64
    private var samples: [Float] = []
    private var head = 0

    init(channelCount: Int, position: Int64) {
        self.channelCount = channelCount
        self.position = position
    }

    /// The samples a channel that wait.
    var count: Int { (samples.count - head) / channelCount }

    /// The place after the last sample that waits.
    var end: Int64 { position &+ Int64(count) }

    /// Lets `body` append interleaved samples.
    mutating func append<Failure: Error>(
        _ body: (inout [Float]) throws(Failure) -> Void
    ) throws(Failure) {
        try body(&samples)
        // Whole samples only, whatever a decoder did.
        samples.removeLast((samples.count - head) % channelCount)
    }

    /// Appends so many samples a channel without sound.
    mutating func appendSilence(_ count: Int) {
        samples.append(contentsOf: [Float](repeating: 0, count: max(0, count) * channelCount))
    }

    /// Removes so many of the samples a channel that were appended last, as far as there are any.
    mutating func removeLast(_ count: Int) {
        samples.removeLast(min(max(0, count), self.count) * channelCount)
    }

    /// Removes so many of the first samples a channel, as far as there are any.
    ///
    /// - Returns: how many were there.
    mutating func removeFirst(_ count: Int) -> Int {
        let removed = min(max(0, count), self.count)
        head += removed * channelCount
        position &+= Int64(removed)
        compact()
        return removed
    }

    /// Hands the next `count` samples a channel to `body`, where there are as many, and removes them.
    mutating func take<Failure: Error>(
        _ count: Int,
        _ body: (ArraySlice<Float>, Int64) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        guard self.count >= count else { return false }
        defer { _ = removeFirst(count) }
        try body(samples[head..<head + count * channelCount], position)
        return true
    }

    private mutating func compact() {
        guard head * 2 >= samples.count else { return }
        samples.removeFirst(head)
        head = 0
    }
}
