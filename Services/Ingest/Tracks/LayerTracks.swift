import Contracts
import Media

/// Turns the layers of a simulcast into tracks of the session: the best layer that arrives is the publisher's own
/// picture, and each layer but the best of all has a track of its own.
///
/// A layer that falls silent leaves its track to the next smaller one, so that no track ends before the session; it
/// takes it back with its next keyframe. The keyframe of a further track waits a while for one of the picture, which
/// comes later because it is larger: segments of all tracks then begin together.
struct LayerTracks {
    /// The most layers that are taken.
    static let limit = 3
    /// How long nothing has come of a layer that counts as silent, in nanoseconds.
    static let silence: UInt64 = 1_000_000_000
    /// How long the other layers are waited for after the first keyframe, in nanoseconds.
    static let firstWait: UInt64 = 300_000_000
    /// How far apart keyframes may be that begin one segment, in milliseconds.
    static let cutTolerance: Int64 = 150
    /// Outputs that are held at most, before the layers are known and while a track waits.
    static let heldLimit = 256
    /// The span over which bit rates are measured, in nanoseconds.
    static let rateSpan: UInt64 = 2_000_000_000

    private struct Layer {
        let rid: String
        var configuration: TrackConfiguration?
        var lastArrival: UInt64?
        var byteCount = 0
        var bitRate = 0
    }

    private var layers: [Layer]
    private let lastGenerations: [RenditionName: UInt16]
    /// The layers that have come, best first.
    private var order: [Int] = []
    /// The picture, then the others in the order in which they came.
    private var outputs: [LayerOutput]
    private var early: [(layer: Int, output: TrackOutput)] = []
    private var firstKeyframe: UInt64?
    private var isDecided = false
    private var pictureKeyframe: UInt32?
    private var rateBegin: UInt64?
    private var hasRateChange = false

    /// Creates the tracks of a publisher that has announced `rids`.
    ///
    /// - Parameters:
    ///   - lastGeneration: The last generation of the picture in earlier epochs of the session.
    ///   - lastGenerations: Likewise of the renditions.
    init(
        rids: [String],
        lastGeneration: UInt16 = 0,
        lastGenerations: [RenditionName: UInt16] = [:]
    ) {
        layers = rids.prefix(Self.limit).map { Layer(rid: $0) }
        self.lastGenerations = lastGenerations
        outputs = [LayerOutput(track: .video, rendition: nil, lastGeneration: lastGeneration)]
    }

    /// The renditions that have a track.
    var renditions: [(track: TrackID, name: RenditionName)] {
        outputs.compactMap { output in output.rendition.map { (output.track, $0) } }
    }

    /// What the tracks carry now, best first.
    var description: [SessionDescription.Layer] {
        let sorted = outputs.sorted { rank(of: $0) < rank(of: $1) }
        return sorted.compactMap { output in
            guard let source = output.source, let video = output.configuration?.video else { return nil }
            return .init(
                rid: layers[source].rid,
                rendition: output.rendition?.description,
                width: video.width,
                height: video.height,
                bitrate: layers[source].bitRate
            )
        }
    }

    /// Whether the bit rate of a layer has changed much since the last call.
    mutating func takeRateChange() -> Bool {
        defer { hasRateChange = false }
        return hasRateChange
    }

    // MARK: Media

    /// Takes what has become of a packet of a layer, and appends what becomes of it to `results`.
    mutating func take(_ output: TrackOutput, of layer: Int, now: UInt64, into results: inout [TrackOutput]) {
        guard layers.indices.contains(layer) else { return }
        note(output, of: layer, now: now)
        if isDecided { return route(output, of: layer, now: now, into: &results) }
        early.append((layer, output))
        if isReady(at: now) { decide(now: now, into: &results) }
    }

    /// Appends what has waited for long enough.
    mutating func tick(now: UInt64, into results: inout [TrackOutput]) {
        let deadline = now &- min(now, UInt64(Self.cutTolerance) &* 1_000_000)
        for index in outputs.indices.dropFirst() {
            outputs[index].release(ifSince: deadline, limit: Self.heldLimit, into: &results)
        }
    }

    private mutating func note(_ output: TrackOutput, of layer: Int, now: UInt64) {
        switch output {
        case .configured(let configuration): layers[layer].configuration = configuration
        case .sample(let sample):
            layers[layer].lastArrival = now
            layers[layer].byteCount += sample.payload.count
            if sample.isKeyframe { firstKeyframe = firstKeyframe ?? now }
            measure(now: now)
        case .dropped, .undecodable: break
        }
    }

    private mutating func measure(now: UInt64) {
        let begin = rateBegin ?? now
        rateBegin = begin
        guard now >= begin &+ Self.rateSpan else { return }
        for index in layers.indices {
            let measured = Int(Double(layers[index].byteCount) * 8e9 / Double(now &- begin))
            layers[index].byteCount = 0
            // Readers need not know of every little change.
            guard abs(measured - layers[index].bitRate) * 5 > layers[index].bitRate else { continue }
            layers[index].bitRate = measured
            hasRateChange = true
        }
        rateBegin = now
    }

    // MARK: Which layer is the best

    private func isReady(at now: UInt64) -> Bool {
        guard let firstKeyframe else { return early.count >= Self.heldLimit }
        return layers.allSatisfy { $0.lastArrival != nil } || now >= firstKeyframe &+ Self.firstWait
            || early.count >= Self.heldLimit
    }

    private mutating func decide(now: UInt64, into results: inout [TrackOutput]) {
        isDecided = true
        for index in layers.indices where layers[index].configuration != nil { rank(index) }
        let waiting = early
        early = []
        for (layer, output) in waiting { route(output, of: layer, now: now, into: &results) }
    }

    /// Puts a layer that has come where its size belongs, and gives each layer but the best a track.
    private mutating func rank(_ layer: Int) {
        let place = order.firstIndex { pixels(of: $0) < pixels(of: layer) } ?? order.count
        order.insert(layer, at: place)
        for index in order.dropFirst() { addTrack(of: index) }
    }

    private mutating func addTrack(of layer: Int) {
        guard let name = RenditionName.layer(layers[layer].rid), let track = name.layerTrack,
            !outputs.contains(where: { $0.track == track })
        else { return }
        let generation = lastGenerations[name] ?? 0
        outputs.append(LayerOutput(track: track, rendition: name, lastGeneration: generation))
    }

    private func pixels(of layer: Int) -> Int {
        let video = layers[layer].configuration?.video
        return (video?.width ?? 0).multipliedReportingOverflow(by: video?.height ?? 0).partialValue
    }

    /// The place in the order of the layer that an output is there for.
    private func rank(of output: LayerOutput) -> Int {
        guard let rendition = output.rendition else { return 0 }
        return order.firstIndex { RenditionName.layer(layers[$0].rid) == rendition } ?? 0
    }

    /// The layer that an output carries as soon as it can: its own, else the next smaller, else the next larger.
    private func choice(for output: LayerOutput, now: UInt64) -> Int? {
        let rank = rank(of: output)
        return (order.dropFirst(rank) + order.prefix(rank).reversed()).first { isArriving($0, now: now) }
    }

    private func isArriving(_ layer: Int, now: UInt64) -> Bool {
        layers[layer].lastArrival.map { now < $0 &+ Self.silence } ?? false
    }

    // MARK: To the tracks

    private mutating func route(
        _ output: TrackOutput,
        of layer: Int,
        now: UInt64,
        into results: inout [TrackOutput]
    ) {
        switch output {
        case .dropped, .undecodable: results.append(output)
        case .configured: if !order.contains(layer) { rank(layer) }
        case .sample(let sample):
            for index in outputs.indices { pass(sample, of: layer, to: index, now: now, into: &results) }
        }
    }

    private mutating func pass(
        _ sample: SourceSample,
        of layer: Int,
        to index: Int,
        now: UInt64,
        into results: inout [TrackOutput]
    ) {
        let begun = sample.isKeyframe ? begin(layer, on: index, now: now) : nil
        guard outputs[index].source == layer else { return }
        if index > 0, sample.isKeyframe, !isWithPicture(sample.timestamp),
            outputs[index].waitingKeyframe == nil
        {
            outputs[index].wait(from: sample.timestamp, now: now)
        }
        if let begun { outputs[index].pass(begun, into: &results) }
        outputs[index].pass(outputs[index].own(sample), into: &results)
        if index == 0, sample.isKeyframe { cut(at: sample.timestamp, into: &results) }
    }

    /// Lets a keyframe of a layer begin where it is the one to be carried.
    private mutating func begin(_ layer: Int, on index: Int, now: UInt64) -> TrackOutput? {
        guard let configuration = layers[layer].configuration,
            choice(for: outputs[index], now: now) == layer
        else { return nil }
        return outputs[index].adopt(layer, configuration)
    }

    /// The picture has had a keyframe: the tracks that have waited for it go on.
    private mutating func cut(at timestamp: UInt32, into results: inout [TrackOutput]) {
        pictureKeyframe = timestamp
        for index in outputs.indices.dropFirst() {
            guard let waiting = outputs[index].waitingKeyframe, isWithPicture(waiting) else { continue }
            outputs[index].release(into: &results)
        }
    }

    private func isWithPicture(_ timestamp: UInt32) -> Bool {
        guard let pictureKeyframe else { return false }
        return abs(Int64(Int32(bitPattern: timestamp &- pictureKeyframe))) <= Self.cutTolerance
    }
}
