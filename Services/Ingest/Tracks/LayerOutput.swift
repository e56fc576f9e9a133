import Contracts
import Media

/// One track of the session that is fed by the layers of a simulcast, one at a time.
struct LayerOutput {
    /// The number of the track.
    let track: TrackID
    /// The rendition that carries it, `nil` for the publisher's own picture.
    let rendition: RenditionName?
    /// The layer that it carries now.
    private(set) var source: Int?
    /// What it carries now.
    private(set) var configuration: TrackConfiguration?
    private var generation: UInt16
    private var beginsGeneration = false
    private var held: [TrackOutput] = []
    private var heldKeyframe: (timestamp: UInt32, arrival: UInt64)?

    /// Creates an output whose configurations are numbered from `lastGeneration` + 1.
    init(track: TrackID, rendition: RenditionName?, lastGeneration: UInt16) {
        self.track = track
        self.rendition = rendition
        generation = lastGeneration
    }

    /// Goes over to a layer, or to another configuration of it; returns what is to be told before its keyframe.
    mutating func adopt(_ layer: Int, _ configuration: TrackConfiguration) -> TrackOutput? {
        var new = configuration
        new.track = track
        new.generation = generation
        guard source != layer || new != self.configuration else { return nil }
        source = layer
        generation &+= 1
        new.generation = generation
        self.configuration = new
        beginsGeneration = true
        return .configured(new)
    }

    /// The sample of a layer as one of the track.
    mutating func own(_ sample: SourceSample) -> TrackOutput {
        var own = sample
        own.track = track
        own.generation = generation
        own.beginsGeneration = beginsGeneration
        beginsGeneration = false
        return .sample(own)
    }

    // MARK: Waiting for the picture's own keyframe

    /// The time of the keyframe that waits, on the publisher's clock.
    var waitingKeyframe: UInt32? { heldKeyframe?.timestamp }

    /// Begins to wait with the next outputs.
    mutating func wait(from timestamp: UInt32, now: UInt64) { heldKeyframe = (timestamp, now) }

    /// Appends an output, or holds it while the track waits.
    mutating func pass(_ output: TrackOutput, into outputs: inout [TrackOutput]) {
        if heldKeyframe == nil { outputs.append(output) } else { held.append(output) }
    }

    /// Lets go what has waited until `deadline` or is too much.
    mutating func release(ifSince deadline: UInt64, limit: Int, into outputs: inout [TrackOutput]) {
        guard let heldKeyframe, heldKeyframe.arrival <= deadline || held.count >= limit else { return }
        release(into: &outputs)
    }

    /// Lets go what has waited.
    mutating func release(into outputs: inout [TrackOutput]) {
        heldKeyframe = nil
        outputs += held
        held.removeAll(keepingCapacity: true)
    }
}
