/// Chooses one of several layers of the same pictures for one viewer, and switches at keyframes only.
///
/// Layers are numbered by their bitrate, the smallest first.
public struct LayerSelector: Sendable, Equatable {
    /// When layers change.
    public struct Settings: Sendable, Equatable {
        /// A larger layer is taken where the estimate is so many times its bitrate.
        public var upFactor = 1.15
        /// A layer is left where the estimate is under so many times its bitrate.
        public var downFactor = 0.95
        /// Nanoseconds for which a larger layer must have been possible.
        public var upTime: UInt64 = 2_000_000_000
        /// The longest that ``upTime`` grows to after attempts that failed.
        public var maximumUpTime: UInt64 = 60_000_000_000
        /// A rise that is undone within so many nanoseconds has failed.
        public var trialTime: UInt64 = 8_000_000_000

        /// Creates the default settings.
        public init() {}
    }

    /// What to do with a frame.
    public enum Decision: Sendable, Equatable {
        case forward
        /// The first frame of another layer than before.
        case forwardAfterSwitch
        case drop
    }

    /// When layers change.
    public var settings: Settings
    /// The largest layer that the viewer wants, `nil` for any.
    public var limit: Int?
    /// The layer that is sent, `nil` before the first keyframe.
    public private(set) var current: Int?
    /// The layer to send from its next keyframe on.
    public private(set) var target: Int?

    private var possibleSince: UInt64?
    private var lastRise: UInt64?
    private var riseTime: UInt64

    /// Creates a selector that has chosen nothing.
    public init(settings: Settings = Settings()) {
        self.settings = settings
        riseTime = settings.upTime
    }

    /// The layer whose source is to be asked for a keyframe, `nil` where none is waited for.
    public var layerThatNeedsKeyframe: Int? { target == current ? nil : target }

    /// Chooses anew, with the estimate and the bitrates of the layers, 0 for one that is not sent now.
    public mutating func choose(bitrates: [Int], estimate: Int, now: UInt64) {
        let allowed = bitrates.indices.filter { bitrates[$0] > 0 && $0 <= limit ?? .max }
        guard let smallest = allowed.first ?? bitrates.indices.first(where: { bitrates[$0] > 0 }) else {
            return
        }
        guard let chosen = target, allowed.contains(chosen) else {
            let fitting = allowed.last { fits(bitrates[$0], estimate, settings.upFactor) }
            return aim(at: fitting ?? smallest)
        }
        if !fits(bitrates[chosen], estimate, settings.downFactor), chosen != smallest {
            return fall(to: allowed.last { fits(bitrates[$0], estimate, 1) } ?? smallest, now: now)
        }
        let next = allowed.first { $0 > chosen }
        guard let next, fits(bitrates[next], estimate, settings.upFactor) else {
            possibleSince = nil
            return
        }
        rise(to: next, now: now)
    }

    private func fits(_ bitrate: Int, _ estimate: Int, _ factor: Double) -> Bool {
        Double(estimate) >= Double(bitrate) * factor
    }

    private mutating func fall(to layer: Int, now: UInt64) {
        if let lastRise, now &- lastRise < settings.trialTime {
            riseTime = min(riseTime &* 2, settings.maximumUpTime)
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

    private mutating func aim(at layer: Int) {
        target = layer
        possibleSince = nil
    }

    /// Says whether a frame of `layer` goes to the viewer.
    public mutating func decide(layer: Int, isKeyframe: Bool) -> Decision {
        if layer == target, layer != current, isKeyframe {
            current = layer
            return .forwardAfterSwitch
        }
        return layer == current ? .forward : .drop
    }

    /// Sends nothing until the next keyframe of the target, as after a break.
    public mutating func waitForKeyframe() { current = nil }
}
