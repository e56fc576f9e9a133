/// What the pictures of one feed need, as it was of late.
struct PictureRate {
    /// How long one measurement takes at least, in nanoseconds: keyframes weigh more than the others.
    private static let window: UInt64 = 2_000_000_000
    /// Nothing for so long is a layer that is not sent.
    private static let silence: UInt64 = 1_500_000_000
    /// The longest time between pictures that flow, in nanoseconds.
    private static let flowLimit: UInt64 = 60_000_000
    /// What packets add to their payloads, in percent.
    private static let overhead = 4

    /// Bits a second with the packets' headers, `nil` until there is enough to tell.
    private(set) var bitsPerSecond: Int?
    private var byteCount = 0
    private var start: UInt64?
    /// When the newest picture came, in monotonic nanoseconds.
    private(set) var last: UInt64?

    /// Counts a picture that came at `time`, in monotonic nanoseconds.
    mutating func add(_ byteCount: Int, at time: UInt64) {
        last = time
        guard let start, time > start, time - start < 4 * Self.window else {
            return begin(with: byteCount, at: time)
        }
        guard time - start >= Self.window else {
            self.byteCount += byteCount
            return
        }
        let bits = Double(self.byteCount * 8 * (100 + Self.overhead) / 100)
        bitsPerSecond = max(1, Int(bits * 1e9 / Double(time - start)))
        begin(with: byteCount, at: time)
    }

    /// Whether the next picture is to be expected soon.
    func isFlowing(at now: UInt64) -> Bool { last.map { now < $0 || now - $0 < Self.flowLimit } ?? false }

    /// Whether nothing has come for some time.
    func isSilent(at now: UInt64) -> Bool { last.map { now > $0 && now - $0 > Self.silence } ?? true }

    private mutating func begin(with byteCount: Int, at time: UInt64) {
        self.byteCount = byteCount
        start = time
    }
}
