/// Whether a queue on the way grows, by how the spacing of packets changes between sending and arrival
/// (draft-ietf-rmcat-gcc-02 §5).
struct DelayTrend: Sendable {
    /// What the way says.
    enum Signal: Sendable, Equatable {
        case normal
        /// A queue grows.
        case overuse
        /// A queue drains.
        case underuse
    }

    private enum Limits {
        /// Packets that leave within so many milliseconds are one group.
        static let groupSpan = 5.0
        /// A step that is larger, in milliseconds, says nothing of a queue.
        static let maximumStep = 3000.0
        static let windowCount = 20
        static let smoothing = 0.9
        static let gain = 4.0
        static let maximumCount = 60.0
        /// Milliseconds for which overuse must last.
        static let overuseTime = 10.0
        static let threshold = 6.0...600.0
        static let initialThreshold = 12.5
        /// A trend this far over the threshold is a spike to which it does not adapt.
        static let spike = 15.0
        static let adaptationUp = 0.0087
        static let adaptationDown = 0.039
    }

    /// A burst of packets, by the times of its ends in milliseconds.
    private struct Group {
        var firstSent: Double
        var lastSent: Double
        var lastArrived: Double
    }

    /// What the way said last.
    private(set) var signal = Signal.normal

    private var group: Group?
    private var previous: Group?
    private var accumulated = 0.0
    private var smoothed = 0.0
    private var stepCount = 0.0
    private var window: [(time: Double, delay: Double)] = []
    private var threshold = Limits.initialThreshold
    private var lastTrend = 0.0
    private var overuseSince: Double?
    private var lastUpdate: Double?

    /// Adds a packet that arrived; times are in milliseconds, each by its own clock.
    mutating func add(sent: Double, arrived: Double) {
        guard var current = group else {
            group = Group(firstSent: sent, lastSent: sent, lastArrived: arrived)
            return
        }
        // One that was overtaken says nothing of the queue.
        guard sent >= current.firstSent else { return }
        if sent - current.firstSent <= Limits.groupSpan {
            current.lastSent = max(current.lastSent, sent)
            current.lastArrived = max(current.lastArrived, arrived)
            group = current
            return
        }
        if let previous { step(from: previous, to: current) }
        previous = current
        group = Group(firstSent: sent, lastSent: sent, lastArrived: arrived)
    }

    private mutating func step(from previous: Group, to current: Group) {
        let sent = current.lastSent - previous.lastSent
        let arrived = current.lastArrived - previous.lastArrived
        guard abs(arrived) < Limits.maximumStep, sent < Limits.maximumStep else { return restart() }
        stepCount = min(stepCount + 1, 1000)
        accumulated += arrived - sent
        smoothed = Limits.smoothing * smoothed + (1 - Limits.smoothing) * accumulated
        window.append((current.lastArrived, smoothed))
        if window.count > Limits.windowCount { window.removeFirst() }
        guard window.count == Limits.windowCount else { return }
        detect(min(stepCount, Limits.maximumCount) * slope * Limits.gain, at: current.lastArrived)
    }

    /// The slope of the line nearest to the window's points.
    private var slope: Double {
        let count = Double(window.count)
        let meanTime = window.reduce(0) { $0 + $1.time } / count
        let meanDelay = window.reduce(0) { $0 + $1.delay } / count
        var above = 0.0
        var below = 0.0
        for point in window {
            above += (point.time - meanTime) * (point.delay - meanDelay)
            below += (point.time - meanTime) * (point.time - meanTime)
        }
        return below > 0 ? above / below : lastTrend
    }

    private mutating func detect(_ trend: Double, at time: Double) {
        if trend > threshold {
            let since = overuseSince ?? time
            overuseSince = since
            if time - since >= Limits.overuseTime, trend >= lastTrend { signal = .overuse }
        } else {
            overuseSince = nil
            signal = trend < -threshold ? .underuse : .normal
        }
        lastTrend = trend
        adapt(to: abs(trend), at: time)
    }

    private mutating func adapt(to trend: Double, at time: Double) {
        defer { lastUpdate = time }
        guard let lastUpdate, trend <= threshold + Limits.spike else { return }
        let rate = trend < threshold ? Limits.adaptationDown : Limits.adaptationUp
        let elapsed = min(max(time - lastUpdate, 0), 100)
        let adapted = threshold + rate * (trend - threshold) * elapsed
        threshold = min(max(adapted, Limits.threshold.lowerBound), Limits.threshold.upperBound)
    }

    /// Forgets what was measured, since the clocks do not go together any more.
    private mutating func restart() {
        window.removeAll(keepingCapacity: true)
        accumulated = 0
        smoothed = 0
        stepCount = 0
        overuseSince = nil
        signal = .normal
    }
}
