import Contracts
import Media
import TestSupport
import Testing

@testable import Ingest

/// What becomes of three layers, `l`, `m` and `h`, from the smallest to the largest.
private struct Simulcast {
    static let millisecond: UInt64 = 1_000_000

    var tracks: LayerTracks
    var now: UInt64 = 1_000_000_000_000
    var results: [TrackOutput] = []
    private var isConfigured: Set<Int> = []

    init(_ rids: [String] = ["l", "m", "h"]) { tracks = LayerTracks(rids: rids) }

    static func configuration(_ layer: Int) -> TrackConfiguration {
        TrackConfiguration(
            track: .video,
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: [1, 66, 0, 31],
            codecString: "avc1.42001f",
            kind: .video(.init(width: 320 << layer, height: 180 << layer))
        )
    }

    /// A picture of a layer, configured before where it is the layer's first.
    mutating func send(_ layer: Int, at milliseconds: UInt32, isKeyframe: Bool = false) {
        if isConfigured.insert(layer).inserted { take(.configured(Self.configuration(layer)), layer) }
        take(
            .sample(
                SourceSample(
                    track: .video,
                    generation: 1,
                    timestamp: milliseconds,
                    isKeyframe: isKeyframe,
                    payload: [UInt8(layer)]
                )
            ),
            layer
        )
    }

    private mutating func take(_ output: TrackOutput, _ layer: Int) {
        tracks.take(output, of: layer, now: now, into: &results)
    }

    /// Lets time pass; the sources' clocks are the caller's.
    mutating func wait(_ milliseconds: UInt64) {
        now += milliseconds * Self.millisecond
        tracks.tick(now: now, into: &results)
    }

    /// Sends a picture of each of `layers` each 33 ms, smallest first.
    mutating func run(
        _ layers: [Int],
        from first: UInt32,
        count: UInt32,
        keyframeEach distance: UInt32 = 1000
    ) {
        for number in 0..<count {
            for layer in layers {
                send(layer, at: first + number * 33, isKeyframe: number % distance == 0)
            }
            wait(33)
        }
    }

    /// The layers whose samples a track got, without repetitions.
    func sources(of rid: String?) -> [UInt8] {
        var layers: [UInt8] = []
        for sample in samples(of: rid) where layers.last != sample.payload[0] {
            layers.append(sample.payload[0])
        }
        return layers
    }

    func samples(of rid: String?) -> [SourceSample] {
        let track = rid.flatMap { RenditionName.layer($0)?.layerTrack } ?? .video
        return results.compactMap { output in
            if case .sample(let sample) = output, sample.track == track { sample } else { nil }
        }
    }
}

@Suite struct LayerTracksTests {
    @Test func `the largest layer is the picture, and the others have tracks by their names`() {
        for rids in [["l", "m", "h"], ["h", "m", "l"]] {
            var simulcast = Simulcast(rids)
            simulcast.run([0, 1, 2], from: 0, count: 10)
            #expect(simulcast.sources(of: nil) == [2])
            #expect(simulcast.sources(of: rids[0]) == [0])
            #expect(simulcast.sources(of: rids[1]) == [1])
            let described = simulcast.tracks.description
            #expect(described.map(\.rid) == [rids[2], rids[1], rids[0]])
            #expect(described.map(\.rendition) == [nil, "r-\(rids[1])", "r-\(rids[0])"])
            #expect(described.map(\.width) == [1280, 640, 320])
        }
    }

    @Test func `a layer that comes later and is larger becomes the picture at its keyframe`() {
        var simulcast = Simulcast()
        simulcast.run([0], from: 0, count: 60)
        #expect(simulcast.sources(of: nil) == [0])
        #expect(simulcast.tracks.description.map(\.rid) == ["l"])
        simulcast.run([0, 1, 2], from: 2000, count: 10, keyframeEach: 5)
        #expect(simulcast.sources(of: nil) == [0, 1, 2])
        #expect(simulcast.samples(of: nil).first { $0.payload == [2] }?.isKeyframe == true)
        #expect(simulcast.sources(of: "l") == [0])
        #expect(simulcast.sources(of: "m") == [1])
    }

    @Test func `the next layer stands in for a silent one, until that has a keyframe again`() {
        var simulcast = Simulcast()
        simulcast.run([0, 1, 2], from: 0, count: 30, keyframeEach: 30)
        // More than a second in which the largest is silent, then a keyframe of the others.
        simulcast.run([0, 1], from: 990, count: 90, keyframeEach: 30)
        #expect(simulcast.sources(of: nil) == [2, 1])
        #expect(simulcast.sources(of: "m") == [1])
        #expect(simulcast.tracks.description.map(\.rid) == ["m", "m", "l"])
        #expect(simulcast.tracks.description.map(\.rendition) == [nil, "r-m", "r-l"])
        simulcast.send(2, at: 4000)
        #expect(simulcast.sources(of: nil) == [2, 1])
        simulcast.run([0, 1, 2], from: 4033, count: 10)
        #expect(simulcast.sources(of: nil) == [2, 1, 2])
        #expect(simulcast.sources(of: "m") == [1])
        let generations = simulcast.results.compactMap { output -> UInt16? in
            if case .configured(let new) = output, new.track == .video { new.generation } else { nil }
        }
        #expect(generations == [1, 2, 3])
    }

    @Test func `the smallest stands in for one in the middle, and a larger one for the smallest`() {
        var simulcast = Simulcast()
        simulcast.run([0, 1, 2], from: 0, count: 30, keyframeEach: 30)
        simulcast.run([0, 2], from: 990, count: 90, keyframeEach: 30)
        #expect(simulcast.sources(of: "m") == [1, 0])
        simulcast.run([1, 2], from: 3960, count: 90, keyframeEach: 30)
        #expect(simulcast.sources(of: "l") == [0, 1])
        #expect(simulcast.sources(of: nil) == [2])
    }

    @Test func `a keyframe of a smaller layer waits for that of the picture, and no longer than 150 ms`() {
        var simulcast = Simulcast()
        simulcast.run([0, 1, 2], from: 0, count: 30)
        simulcast.results = []
        simulcast.send(0, at: 990, isKeyframe: true)
        simulcast.send(1, at: 990, isKeyframe: true)
        simulcast.wait(33)
        simulcast.send(0, at: 1023)
        #expect(simulcast.results.isEmpty)
        simulcast.send(2, at: 990, isKeyframe: true)
        #expect(simulcast.samples(of: "l").map(\.timestamp) == [990, 1023])
        #expect(simulcast.samples(of: nil).count == 1)
        guard case .sample(let first)? = simulcast.results.first else {
            Issue.record("nothing came")
            return
        }
        #expect(first.track == .video)
        simulcast.results = []
        simulcast.wait(500)
        simulcast.send(0, at: 1490, isKeyframe: true)
        simulcast.wait(149)
        #expect(simulcast.results.isEmpty)
        simulcast.wait(1)
        #expect(simulcast.samples(of: "l").count == 1)
    }

    @Test func `renditions that come back go on numbering their configurations`() throws {
        let name = try #require(RenditionName.layer("l"))
        var simulcast = Simulcast()
        simulcast.tracks = LayerTracks(rids: ["l", "h"], lastGeneration: 4, lastGenerations: [name: 9])
        simulcast.run([0, 1], from: 0, count: 10)
        #expect(Set(simulcast.samples(of: nil).map(\.generation)) == [5])
        #expect(Set(simulcast.samples(of: "l").map(\.generation)) == [10])
    }

    @Test func `bit rates are told when they have changed by a fifth`() {
        var simulcast = Simulcast()
        simulcast.run([0, 1, 2], from: 0, count: 62)
        var hasChanged = simulcast.tracks.takeRateChange()
        #expect(hasChanged)
        hasChanged = simulcast.tracks.takeRateChange()
        #expect(!hasChanged)
        #expect(simulcast.tracks.description.allSatisfy { (200...280).contains($0.bitrate) })
        simulcast.run([0, 1, 2], from: 2046, count: 124)
        hasChanged = simulcast.tracks.takeRateChange()
        #expect(!hasChanged)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `segments of all layers begin together, whatever comes first, and no sample is lost or turned back`(
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        var simulcast = Simulcast()
        var timeline = SessionTimeline(partTarget: 0.3)
        var pictures = pictures(of: 240, &random)
        pictures.sort { $0.arrival < $1.arrival }
        var stamped: [TrackID: [BusSample]] = [:]
        var known: [TrackID: TrackConfiguration] = [:]
        let begin = simulcast.now
        for picture in pictures {
            simulcast.wait((begin + picture.arrival - simulcast.now) / Simulcast.millisecond)
            simulcast.send(picture.layer, at: picture.time, isKeyframe: picture.isKeyframe)
            for output in simulcast.results {
                switch output {
                case .configured(let configuration):
                    known[configuration.track] = configuration
                    timeline.setTracks(known.values.sorted { $0.track < $1.track })
                case .sample(let sample):
                    switch timeline.place(sample, now: simulcast.now, wallClock: 0) {
                    case .placed(let placed), .anchored(let placed):
                        stamped[placed.track, default: []].append(placed)
                    case .discarded: Issue.record("a sample was discarded")
                    }
                case .dropped, .undecodable: break
                }
            }
            simulcast.results = []
        }
        #expect(stamped.count == 3)
        var starts: [UInt32: [Int64]] = [:]
        for samples in stamped.values {
            for (one, next) in zip(samples, samples.dropFirst()) {
                #expect(next.decodeTime > one.decodeTime)
                #expect(next.mediaSequence >= one.mediaSequence)
                #expect(next.mediaSequence - one.mediaSequence <= 1)
            }
            for sample in samples where sample.flags.contains(.segmentStart) {
                #expect(sample.flags.contains(.keyframe))
                starts[sample.mediaSequence, default: []].append(sample.decodeTime)
            }
        }
        for (number, times) in starts where number > 0 {
            let spread = (times.max() ?? 0) - (times.min() ?? 0)
            #expect(times.count == 3 && spread <= 150 * 90, "segment \(number) begins at \(times)")
        }
    }

    private struct Picture {
        var layer: Int
        var time: UInt32
        var arrival: UInt64
        var isKeyframe: Bool
    }

    /// Pictures 33 ms apart with keyframes each two seconds, whose layers come up to 100 ms apart and whose clocks
    /// differ by up to 40 ms.
    private func pictures(of count: UInt32, _ random: inout SeededGenerator) -> [Picture] {
        var pictures: [Picture] = []
        for layer in 0..<3 {
            let skew = UInt32.random(in: 0...40, using: &random)
            var last: UInt64 = 0
            for number in 0..<count {
                let delay = UInt64.random(in: 0...100, using: &random)
                let arrival = (UInt64(number) * 33 + delay) * Simulcast.millisecond
                last = max(arrival, last)
                pictures.append(
                    Picture(
                        layer: layer,
                        time: 100 + number * 33 + skew,
                        arrival: last,
                        isKeyframe: number % 60 == 0
                    )
                )
            }
        }
        return pictures
    }
}
