import RTP
import TestSupport

/// A way with one queue, a fixed delay and random loss; a sender that paces packets at a given rate.
struct SimulatedWay {
    var capacity: Double
    var loss = 0.0
    /// Bytes that the queue holds before it drops.
    var queueLimit = 60_000.0
    /// The most that a packet takes longer than another, in nanoseconds.
    var jitter: UInt64 = 1_000_000
    /// How many times the bytes of other pictures a keyframe has, one in sixty pictures.
    var keyframeWeight = 1
    var generator = SeededGenerator(seed: 7)
    var estimator: BandwidthEstimator
    var now: UInt64 = 5_000_000_000
    private var recorder = ArrivalRecorder()
    private var freeAt: UInt64 = 0
    private var number: UInt16 = 65_000
    private var inFlight: [(arrival: UInt64, number: UInt16)] = []
    private var feedbacks: [(arrival: UInt64, feedback: TransportFeedback)] = []
    /// The longest time in the queue, in nanoseconds.
    private(set) var longestQueue: UInt64 = 0

    init(capacity: Double, settings: BandwidthEstimator.Settings = .init()) {
        self.capacity = capacity
        estimator = BandwidthEstimator(settings: settings)
    }

    /// Sends for some seconds at what `rate` says of the estimate.
    mutating func run(seconds: Int, rate: (Int) -> Double) {
        longestQueue = 0
        var credit = 0.0
        // Five milliseconds a step, feedback each 50 ms.
        for step in 0..<seconds * 200 {
            now += 5_000_000
            credit = min(credit + rate(estimator.bitsPerSecond) / 8 / 200, 12_000)
            while credit >= 1200 {
                credit -= 1200
                send(byteCount: 1200)
            }
            arrive()
            if step % 10 == 0 { report() }
        }
    }

    /// Sends pictures of as many packets as `count` says, 30 a second, each in one burst.
    mutating func run(frames: Int, count: (Int) -> Int) {
        for frame in 0..<frames {
            for _ in 0..<count(frame) { send(byteCount: 1200) }
            for step in 0..<7 {
                now += 4_761_904
                arrive()
                if step % 3 == 0 { report() }
            }
        }
    }

    /// Sends the layer that `selector` chooses for some seconds, as pictures 30 times a second, each in one burst, and
    /// what the estimator asks for beyond that.
    ///
    /// - Returns: the layer of each picture.
    mutating func run(seconds: Int, layers: [Int], by selector: inout LayerSelector) -> [Int] {
        longestQueue = 0
        var sent: [Int] = []
        let start = now
        while now < start + UInt64(seconds) * 1_000_000_000 {
            selector.choose(bitrates: layers, estimate: estimator.bitsPerSecond, now: now)
            estimator.probe(for: layers[layers.count - 1] * 135 / 100, now: now)
            let layer = selector.target ?? 0
            selector.begin(layer)
            sent.append(layer)
            let weight = sent.count % 60 == 0 ? keyframeWeight : 1
            var rest = layers[layer] / 8 / 30 * 60 * weight / (59 + keyframeWeight)
            while rest > 0 {
                send(byteCount: min(1200, rest))
                rest -= 1200
            }
            for step in 0..<7 {
                now += 4_761_904
                while estimator.probeDebt(now: now) > 0 { send(byteCount: 1200) }
                arrive()
                if step % 3 == 0 { report() }
            }
        }
        return sent
    }

    private mutating func send(byteCount: Int) {
        estimator.send(number, byteCount: byteCount, now: now)
        defer { number &+= 1 }
        if Double.random(in: 0..<1, using: &generator) < loss { return }
        let start = max(now, freeAt)
        longestQueue = max(longestQueue, start - now)
        guard Double(start - now) / 1e9 * capacity / 8 < queueLimit else { return }
        freeAt = start + UInt64(Double(byteCount) * 8 / capacity * 1e9)
        let jitter = UInt64.random(in: 0...jitter, using: &generator)
        inFlight.append((freeAt + 20_000_000 + jitter, number))
    }

    private mutating func arrive() {
        for packet in inFlight.sorted(by: { $0.arrival < $1.arrival }) where packet.arrival <= now {
            // The receiver's clock is another one.
            recorder.record(packet.number, now: packet.arrival + 123_000_000_000)
        }
        inFlight.removeAll { $0.arrival <= now }
        for (_, feedback) in feedbacks.filter({ $0.arrival <= now }) {
            estimator.receive(feedback, now: now)
        }
        feedbacks.removeAll { $0.arrival <= now }
    }

    private mutating func report() {
        while let feedback = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2) {
            feedbacks.append((now + 20_000_000, feedback))
        }
    }
}
