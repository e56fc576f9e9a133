/// Chooses one of several layers of the same pictures for one viewer.
///
/// Layers are numbered by their bitrate, the smallest first. The one that is chosen is sent from its next keyframe
/// on; until then the one before goes on.
public struct LayerSelector: Sendable, Equatable {
    /// When layers change.
    public struct Settings: Sendable, Equatable {
        /// A larger layer is taken where the estimate is so many times its bitrate.
        public var upFactor = 1.15
        /// A layer is left where the estimate stays under so many times its bitrate.
        public var downFactor = 0.95
        /// Nanoseconds for which it must stay under that.
        public var downTime: UInt64 = 2_000_000_000
        /// A layer is left at once where the estimate is under so many times its bitrate.
        public var dropFactor = 0.75
        /// Nanoseconds for which a larger layer must have been possible.
        public var upTime: UInt64 = 2_000_000_000
        /// The longest that ``upTime`` grows to after attempts that failed.
        public var maximumUpTime: UInt64 = 60_000_000_000
        /// A rise that is undone within so many nanoseconds has failed.
        public var trialTime: UInt64 = 20_000_000_000
        /// How many times longer the next attempt is waited for then.
        public var patienceFactor: UInt64 = 4

        /// Creates the default settings.
        public init() {}
    }

    /// Why the target is what it is.
    public enum Reason: String, Sendable, CaseIterable {
        /// It is the largest that there is.
        case best
        /// The path carries no larger one.
        case bandwidth
        /// The path has carried a larger one for too short a time.
        case steadying
        /// The viewer wants none that is larger.
        case size
        /// The viewer wants this one.
        case wish
    }

    /// When layers change.
    public var settings: Settings
    /// The largest layer that the viewer wants, `nil` for any; with another, attempts that failed are forgotten.
    public var limit: Int? {
        didSet { if limit != oldValue { forgetAttempts() } }
    }
    /// The layer that the viewer wants, whatever the path carries.
    public var wish: Int?
    /// The layer that is sent, `nil` before the first keyframe.
    public private(set) var current: Int?
    /// The layer to send from its next keyframe on.
    public private(set) var target: Int?
    /// Why the target is what it is.
    public private(set) var reason = Reason.best

    private var possibleSince: UInt64?
    private var shortSince: UInt64?
    private var lastRise: UInt64?
    private var riseTime: UInt64

    /// Creates a selector that has chosen nothing.
    public init(settings: Settings = Settings()) {
        self.settings = settings
        riseTime = settings.upTime
    }

    /// The layer whose source is to be asked for a keyframe, `nil` where none is waited for.
    public var layerThatNeedsKeyframe: Int? { target == current ? nil : target }

    /// Takes note that `layer` is sent now.
    public mutating func begin(_ layer: Int) { current = layer }

    /// Goes over to other numbers of the same layers; one that `number` does not know is gone.
    public mutating func renumber(_ number: (Int) -> Int?) {
        current = current.flatMap(number)
        target = target.flatMap(number)
        limit = nil
        wish = nil
        possibleSince = nil
    }

    /// Chooses anew, with the estimate and the bitrates of the layers, 0 for one that is not sent now.
    public mutating func choose(bitrates: [Int], estimate: Int, now: UInt64) {
        let living = bitrates.indices.filter { bitrates[$0] > 0 }
        guard let least = living.first, let most = living.last else { return }
        if let wish, bitrates.indices.contains(wish), bitrates[wish] > 0 {
            reason = .wish
            return aim(at: wish)
        }
        let allowed = living.filter { $0 <= max(least, limit ?? .max) }
        choose(among: allowed, bitrates, estimate, now: now)
        guard target == allowed.last else { return }
        reason = target == most ? .best : .size
    }

    private mutating func choose(among allowed: [Int], _ bitrates: [Int], _ estimate: Int, now: UInt64) {
        let smallest = allowed[0]
        reason = .bandwidth
        guard let chosen = target, allowed.contains(chosen) else {
            let fitting = allowed.last { fits(bitrates[$0], estimate, settings.upFactor) }
            return aim(at: fitting ?? smallest)
        }
        if chosen != smallest, mustLeave(chosen, bitrates, estimate, now: now) {
            return fall(to: allowed.last { fits(bitrates[$0], estimate, 1) } ?? smallest, now: now)
        }
        let next = allowed.first { $0 > chosen }
        guard let next, fits(bitrates[next], estimate, settings.upFactor) else {
            possibleSince = nil
            return
        }
        reason = .steadying
        rise(to: allowed.last { fits(bitrates[$0], estimate, settings.upFactor) } ?? next, now: now)
    }

    private func fits(_ bitrate: Int, _ estimate: Int, _ factor: Double) -> Bool {
        Double(estimate) >= Double(bitrate) * factor
    }

    /// Whether the estimate is too small for a layer, far or for some time: a short queue is no reason.
    private mutating func isShort(of bitrate: Int, _ estimate: Int, now: UInt64) -> Bool {
        guard !fits(bitrate, estimate, settings.downFactor) else {
            shortSince = nil
            return false
        }
        let since = shortSince ?? now
        shortSince = since
        return now &- since >= settings.downTime || !fits(bitrate, estimate, settings.dropFactor)
    }

    private mutating func mustLeave(
        _ layer: Int,
        _ bitrates: [Int],
        _ estimate: Int,
        now: UInt64
    ) -> Bool {
        // A smaller one that has not begun is not waited for where it is too large as well.
        let isFalling = current.map { layer < $0 } ?? false
        if isFalling, !fits(bitrates[layer], estimate, 1) { return true }
        return isShort(of: bitrates[layer], estimate, now: now)
    }

    private mutating func fall(to layer: Int, now: UInt64) {
        if let lastRise, now &- lastRise < settings.trialTime {
            riseTime = min(riseTime &* settings.patienceFactor, settings.maximumUpTime)
        }
        lastRise = nil
        aim(at: layer)
    }

    private mutating func rise(to layer: Int, now: UInt64) {
        let since = possibleSince ?? now
        possibleSince = since
        guard now &- since >= riseTime else { return }
        if let lastRise, now &- lastRise >= settings.trialTime { riseTime = settings.upTime }
        lastRise = now
        aim(at: layer)
    }

    private mutating func forgetAttempts() {
        riseTime = settings.upTime
        lastRise = nil
    }

    private mutating func aim(at layer: Int) {
        target = layer
        possibleSince = nil
        shortSince = nil
    }
}
