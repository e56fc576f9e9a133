/// Estimates what a way to a receiver carries.
///
/// From the receiver's transport-wide feedback: by delay that grows, by loss (draft-ietf-rmcat-gcc-02), and by short
/// bursts that find out whether there is more. A receiver that sends no such feedback is believed in its reports and
/// its own estimate.
///
/// Tell it of every packet that is sent with a transport-wide number, and of every feedback.
public struct BandwidthEstimator: Sendable {
    /// What the estimate keeps to.
    public struct Settings: Sendable, Equatable {
        /// Bits a second to begin with.
        public var initial = 2_000_000
        /// The least that is ever estimated.
        public var minimum = 100_000
        /// The most that is ever estimated.
        public var maximum = 100_000_000
        /// How far the estimate may rise over what arrives.
        ///
        /// Where a larger layer waits to be tried, it must be more
        /// than the larger layer is over the smaller.
        public var headroom = 1.5
        /// Packets that are remembered until they are told of.
        public var packetCount = 1024

        /// Creates the default settings.
        public init() {}
    }

    private enum Limits {
        /// What is left of the rate that arrives where a queue grows.
        static let backOff = 0.85
        /// The rise in one second, far from where it last was too much.
        static let growth = 0.08
        /// Loss under which the rate rises.
        static let lowLoss = 0.02
        /// Loss over which the rate falls.
        static let highLoss = 0.10
        /// Nanoseconds that one measurement of loss lasts at least.
        static let lossInterval: UInt64 = 500_000_000
        /// Packets that one measurement of loss has at least.
        static let lossPacketCount = 20
        /// Nanoseconds between two reductions because of delay, at least.
        static let reductionInterval: UInt64 = 200_000_000
        /// Nanoseconds after a reduction after which what arrives without a queue is what the way carries.
        static let recoveryTime: UInt64 = 800_000_000
        /// Milliseconds of a queue from which on its packets come as fast as the way carries them.
        static let queueDelay = 60.0
        /// The longest queue that is believed in, in milliseconds.
        static let longestQueue = 10_000.0
        /// How near to the last limit the rise becomes careful.
        static let carefulRange = 0.85...1.15
        /// Nanoseconds without feedback after which reports count.
        static let feedbackPatience: UInt64 = 3_000_000_000
    }

    /// What the estimate keeps to.
    public var settings: Settings
    /// The estimate, in bits a second.
    public var bitsPerSecond: Int {
        let own = goesByReports ? reported.bitsPerSecond : min(byDelay, byLoss)
        return bounded(min(own, reported.limit(at: lastHeard ?? 0) ?? .max))
    }
    /// The share of packets that were lost in the last measurement, from 0 to 1.
    public var loss: Double { goesByReports ? reported.loss : measuredLoss }
    /// Whether the receiver has told anything at all.
    public var hasHeard: Bool { lastHeard != nil }
    /// Whether a burst is being sent that finds out what the way carries.
    public var isProbing: Bool { probes.cluster.map { !$0.isSent } ?? false }
    /// Bits a second that arrived lately, `nil` until there is enough to tell.
    public var arrivingBitsPerSecond: Int? { arrivals.bitsPerSecond }
    /// Whether a queue on the way grew at the last feedback.
    public var isOverused: Bool { trend.signal == .overuse }
    /// The time from a packet's leaving to the feedback on it, in nanoseconds, `nil` before the first.
    public private(set) var feedbackDelay: UInt64?

    /// Nanoseconds that a packet that leaves at `now` waits in a queue on the way, beside what is sent until then.
    public func queueDelay(at now: UInt64) -> UInt64 {
        let known = UInt64(min(max(queue.delay, 0), Limits.longestQueue) * 1e6)
        let elapsed = lastUpdate.map { now > $0 ? now - $0 : 0 } ?? 0
        return known > elapsed ? known - elapsed : 0
    }

    private var sent: SentPacketLog
    private var trend = DelayTrend()
    private var queue = StandingQueue()
    private var arrivals = ArrivalRate()
    private var probes = ProbePlan()
    private var reported: ReportedRate
    private var goesByReports = false
    private var lastHeard: UInt64?
    private var measuredLoss = 0.0
    private var reference: Int64?
    private var byDelay: Int
    private var byLoss: Int
    private var lastLimit: Double?
    private var lastReduction: UInt64 = 0
    private var lastUpdate: UInt64?
    private var received = 0
    private var missing = 0
    private var lossSince: UInt64?

    /// Creates an estimator that has heard nothing.
    public init(settings: Settings = Settings()) {
        self.settings = settings
        sent = SentPacketLog(capacity: settings.packetCount)
        byDelay = settings.initial
        byLoss = settings.initial
        reported = ReportedRate(initial: settings.initial)
    }

    /// Notes a packet that leaves at `now`, in nanoseconds.
    public mutating func send(_ transportSequenceNumber: UInt16, byteCount: Int, now: UInt64) {
        sent.add(transportSequenceNumber, byteCount: byteCount, now: now)
        probes.send(transportSequenceNumber, byteCount: byteCount, now: now)
    }

    /// Begins to find out whether the way carries `wanted` bits a second, where it is time for that.
    public mutating func probe(for wanted: Int, now: UInt64) {
        guard lastUpdate != nil, !goesByReports else { return }
        probes.consider(
            wanted: min(wanted, settings.maximum),
            estimate: bitsPerSecond,
            arriving: arrivals.bitsPerSecond,
            isOverused: isOverused,
            now: now
        )
    }

    /// Bytes that must be sent now beyond all else, so that a burst has its rate.
    public func probeDebt(now: UInt64) -> Int { probes.cluster?.debt(now: now) ?? 0 }

    /// Learns from a report on a stream of `sent` bits a second.
    public mutating func receive(_ report: ReportBlock, sent: Int, now: UInt64) {
        lastHeard = now
        goesByReports = lastUpdate.map { now &- $0 > Limits.feedbackPatience } ?? true
        reported.receive(report, sent: sent, now: now)
        reported.hold(within: settings.minimum...settings.maximum)
    }

    /// Learns what the receiver thinks that it can take.
    public mutating func receive(_ estimate: BitrateEstimate, now: UInt64) {
        lastHeard = now
        reported.receive(estimate, now: now)
        reported.hold(within: settings.minimum...settings.maximum)
    }

    /// Learns from a feedback that came at `now`, in nanoseconds.
    public mutating func receive(_ feedback: TransportFeedback, now: UInt64) {
        // The reference time has 24 bits that wrap after twelve days.
        let step = Int32(truncatingIfNeeded: Int64(feedback.referenceTime) &- (reference ?? 0)) << 8
        let base = (reference ?? 0) &+ Int64(step >> 8)
        reference = base
        var time = base &* TransportFeedback.referenceNanoseconds
        for (index, delta) in feedback.deltas.enumerated() {
            let number = feedback.baseSequenceNumber &+ UInt16(truncatingIfNeeded: index)
            if let delta { time &+= Int64(delta) * TransportFeedback.deltaNanoseconds }
            note(number, arrival: delta == nil ? nil : time, now: now)
        }
        update(now: now)
    }

    private mutating func note(_ number: UInt16, arrival: Int64?, now: UInt64) {
        guard let arrival else {
            if sent.miss(number) { missing += 1 }
            return
        }
        guard let entry = sent.entry(number) else { return }
        sent.remove(number)
        if entry.isMissed, missing > 0 { missing -= 1 }
        received += 1
        feedbackDelay = now &- entry.time
        let milliseconds = Double(arrival) / 1e6
        arrivals.add(byteCount: Int(entry.byteCount), at: milliseconds)
        probes.receive(number, byteCount: Int(entry.byteCount), arrival: arrival)
        trend.add(sent: Double(entry.time) / 1e6, arrived: milliseconds)
        queue.add(sent: Double(entry.time) / 1e6, arrived: milliseconds)
    }

    private mutating func update(now: UInt64) {
        let elapsed = lastUpdate.map { min(Double(now &- $0) / 1e9, 1) } ?? 0
        lastUpdate = now
        lastHeard = now
        goesByReports = false
        if let outcome = probes.conclude(now: now) { take(outcome) }
        switch trend.signal {
        // The burst has made the queue, and it drains by itself.
        case .overuse where probes.isUnsettled(at: now): break
        case .overuse: reduce(now: now)
        case .underuse: break
        case .normal: byDelay = raised(max(byDelay, carried(at: now)), elapsed: elapsed)
        }
        measureLoss(now: now)
        byDelay = bounded(byDelay)
        byLoss = bounded(byLoss)
    }

    private mutating func take(_ outcome: ProbeCluster.Outcome) {
        switch outcome {
        case .carried(let rate) where rate > bitsPerSecond: (byDelay, byLoss) = (rate, max(byLoss, rate))
        case .saturated(let rate):
            byDelay = max(rate, arrivals.bitsPerSecond ?? 0)
            byLoss = max(byLoss, byDelay)
        case .carried, .lost: break
        }
    }

    private mutating func reduce(now: UInt64) {
        guard now &- lastReduction >= Limits.reductionInterval else { return }
        lastReduction = now
        probes.postpone(now: now)
        let arriving = Double(carriedWithQueue ?? byDelay)
        lastLimit = arriving
        byDelay = min(byDelay, Int(arriving * Limits.backOff))
    }

    /// What arrives while a queue stands: the half second before the way became narrow says too much.
    private var carriedWithQueue: Int? {
        guard let arriving = arrivals.bitsPerSecond else { return nil }
        guard queue.delay >= Limits.queueDelay else { return arriving }
        return min(arriving, arrivals.latestBitsPerSecond ?? arriving)
    }

    /// What is known to be carried, as it arrives and no queue grows.
    private func carried(at now: UInt64) -> Int {
        guard now &- lastReduction >= Limits.recoveryTime, measuredLoss < Limits.lowLoss else { return 0 }
        return arrivals.bitsPerSecond ?? 0
    }

    /// Rises by a share each second, and by little where it was too much before.
    private func raised(_ rate: Int, elapsed: Double) -> Int {
        guard let arriving = arrivals.bitsPerSecond else { return rate }
        let ceiling = Int(Double(arriving) * settings.headroom) + 10_000
        // Already more than is used: nothing was learnt that would raise it.
        guard rate < ceiling else { return rate }
        let isNear = lastLimit.map { Limits.carefulRange.contains(Double(rate) / max(1, $0)) } ?? false
        let growth = isNear ? Limits.growth / 4 : Limits.growth
        return min(ceiling, rate + max(1, Int(Double(rate) * growth * elapsed)))
    }

    private mutating func measureLoss(now: UInt64) {
        let since = lossSince ?? now
        lossSince = since
        let count = received + missing
        guard now &- since >= Limits.lossInterval, count >= Limits.lossPacketCount else { return }
        measuredLoss = Double(missing) / Double(count)
        let elapsed = min(Double(now &- since) / 1e9, 1)
        received = 0
        missing = 0
        lossSince = now
        if measuredLoss > Limits.highLoss {
            // What arrives in spite of it is carried: loss that has other reasons does not take the way away.
            let carried = min(byLoss, arrivals.bitsPerSecond ?? 0)
            byLoss = max(carried, Int(Double(min(byLoss, byDelay)) * (1 - 0.5 * measuredLoss)))
        } else if measuredLoss < Limits.lowLoss {
            byLoss = raised(byLoss, elapsed: elapsed)
        }
    }

    private func bounded(_ rate: Int) -> Int { min(max(rate, settings.minimum), settings.maximum) }
}
