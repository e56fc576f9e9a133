import Contracts
import Media
import MediaBus
import TestSupport
import Testing

@testable import Origin

@Suite struct SessionBreaksTests {
    @Test func `breaks are counted up to each segment`() {
        let breaks = SessionBreaks(.init(earlier: 2, segments: [5, 9]))
        #expect([0, 4, 5, 8, 9, 10].map { breaks.sequence(at: $0) } == [2, 2, 3, 3, 4, 4])
        #expect((0...10).filter { breaks.contains($0) } == [5, 9])
        #expect(breaks.isBreak(after: 4, through: 5))
        #expect(!breaks.isBreak(after: 5, through: 8))
    }

    @Test func `what a description no longer names stays known`() {
        var breaks = SessionBreaks(.init(segments: [3, 5, 9]))
        breaks.learn(.init(earlier: 2, segments: [9, 12]))
        #expect(breaks.segments == [3, 5, 9, 12])
        #expect(breaks.sequence(at: 12) == 4)
        var late = SessionBreaks(.init(earlier: 2, segments: [9, 12]))
        #expect(late.sequence(at: 12) == 4)
        late.note(5, after: 4)
        late.note(3, after: 2)
        #expect(late == breaks)
    }

    @Test func `a mark tells of a break that is not known, and of no other than one that is`() {
        var breaks = SessionBreaks()
        breaks.note(4, after: 3)
        breaks.note(6, after: 2)
        breaks.note(4, after: 3)
        breaks.note(1, after: 7)
        #expect(breaks.segments == [4])
    }

    @Test func `a recording whose description names no breaks has the same ones on all tracks`() {
        let session = MadeSession(namesBreaks: false)
        session.append(track: 0, [(0, 1), (1, 1), (4, 2), (5, 2)], marked: [4])
        session.append(track: 1, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], marked: [2])
        let stored = session.heads.sorted { $0.decodeTime < $1.decodeTime }
        let restored = MadeSession(namesBreaks: false)
        restored.session.noteBreaks(of: stored)
        for head in stored { restored.append(head) }
        #expect(restored.numbers(of: 0) == [0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 1])
        #expect(restored.numbers(of: 1) == restored.numbers(of: 0))
    }

    @Test func `a track with a gap where the others break counts that break, in its gap`() throws {
        let session = MadeSession(breaks: .init(segments: [2]))
        session.append(track: 0, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)], marked: [2])
        session.append(track: 1, [(0, 1), (1, 1), (4, 2)], marked: [4])
        for kind in [PlaylistKey.Kind.live, .event] {
            #expect(session.numbers(of: 1, kind) == session.numbers(of: 0, kind))
        }
        let listed = try #require(session.listed(1, .live))
        #expect(listed.segments.filter(\.isBreak).map(\.number) == [2])
        #expect(listed.segments.filter(\.isGap).map(\.number) == [2, 3])
        #expect(listed.segments.map(\.map) == [1, 1, 2, 2, 2].map { "init-\($0).mp4" })
    }

    @Test func `a track that begins behind breaks counts them`() throws {
        let session = MadeSession(breaks: .init(segments: [1, 3]))
        session.append(track: 0, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)], marked: [1, 3])
        session.append(track: 1, [(2, 1), (3, 1), (4, 1)], marked: [3])
        session.append(track: 2, [(3, 1), (4, 1)], marked: [])
        #expect(session.numbers(of: 1) == [2: 1, 3: 2, 4: 2])
        #expect(session.numbers(of: 2) == [3: 2, 4: 2])
    }

    @Test func `the date of a gap is not behind that of the segment after it`() throws {
        let session = MadeSession(breaks: .init(segments: [3, 4]))
        session.append(track: 0, [(0, 1), (1, 1)], marked: [])
        session.append(track: 0, [(2, 1)], marked: [], seconds: 4.001)
        session.append(track: 0, [(4, 2)], marked: [4])
        let listed = try #require(session.listed(0, .live))
        #expect(listed.segments.map(\.date) == listed.segments.map(\.date).sorted())
        #expect(listed.segments[3].isGap)
    }

    @Test func `absurd times and numbers do not trap`() {
        let times: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for (time, next) in times.flatMap({ time in times.map { (time, $0) } }) {
            for number in [1, 3, 3000, .max] as [UInt32] {
                let session = MadeSession(breaks: .init(segments: [2]))
                session.append(absurd(0, at: time))
                session.append(absurd(number, at: next))
                for kind in [PlaylistKey.Kind.live, .event] { #expect(session.listed(0, kind) != nil) }
            }
        }
    }

    private func absurd(_ mediaSequence: UInt32, at time: Int64) -> PartHead {
        PartHead(
            track: TrackID(rawValue: 0),
            id: PartID(mediaSequence: mediaSequence, part: 0),
            generation: 1,
            flags: [.segmentEnd, .afterGap],
            discontinuitySequence: 0,
            decodeTime: time,
            duration: .max,
            programDateTime: time,
            lastSequence: mediaSequence,
            position: BusPosition(epoch: 1, counter: UInt64(mediaSequence))
        )
    }

    @Test func `a loss too long to be listed begins with the number of its segment`() {
        let session = MadeSession(breaks: .init(segments: [2, 5000]))
        session.append(track: 0, [(0, 1), (5000, 1), (5001, 1)], marked: [5000])
        #expect(session.numbers(of: 0) == [5000: 2, 5001: 2])
    }

    @Test(arguments: 0..<32 as Range<UInt64>)
    func `all tracks break in the same segments, whatever comes, goes and changes in whichever order`(
        seed: UInt64
    ) throws {
        var publisher = ChangingPublisher(seed: seed)
        publisher.publish(seconds: 90)
        let truth = publisher.description.breaks?.segments ?? []
        #expect(truth.count > 5)
        var reader = DisorderlyReader(publisher, seed: seed)
        var seen: [TrackID: [UInt32: UInt32]] = [:]
        while reader.read(700) { try check(reader, truth, against: &seen) }
        try check(reader, truth, against: &seen)
        #expect(seen.count == 4)

        let stored = reader.heads.sorted { $0.decodeTime < $1.decodeTime }
        let restored = MediaSession(description: publisher.description, folder: "", isRecording: true)
        restored.update(publisher.description, configurations: publisher.configurations)
        restored.noteBreaks(of: stored)
        for head in stored { restored.append(head, media: .init(bytes: nil, range: nil, byteCount: 1)) }
        for track in seen.keys {
            let listed = try #require(ListedPlaylist(of: restored, track, .event))
            for (number, count) in listed.numbers { #expect(seen[track]?[number] == count) }
        }
    }

    /// Every segment has the number of breaks that were made up to it, from the first playlist that lists it on.
    private func check(
        _ reader: DisorderlyReader,
        _ truth: [UInt32],
        against seen: inout [TrackID: [UInt32: UInt32]]
    ) throws {
        for track in reader.session.read({ Array($0.timelines.keys) }) {
            for kind in [PlaylistKey.Kind.live, .event] {
                guard let listed = ListedPlaylist(of: reader.session, track, kind) else { continue }
                for (number, count) in listed.numbers {
                    seen[track, default: [:]][number] = seen[track]?[number] ?? count
                    #expect(seen[track]?[number] == count, "segment \(number) of track \(track) has changed")
                    #expect(count == UInt32(truth.filter { $0 <= number }.count), "\(number) of \(track)")
                }
                let tags = listed.segments.filter(\.isBreak).map(\.number)
                #expect(tags == truth.filter { listed.numbers[$0] != nil })
                for (one, next) in zip(listed.segments, listed.segments.dropFirst()) where !next.isBreak {
                    #expect(one.map == next.map, "\(next.number) of \(track) is of another configuration")
                }
                #expect(listed.segments.map(\.date) == listed.segments.map(\.date).sorted())
                for segment in listed.segments where !segment.isGap {
                    let generation = reader.generations[track]?[segment.number]
                    #expect(segment.map == generation.map { "init-\($0).mp4" })
                }
            }
        }
    }
}

/// A playlist as a player reads it.
private struct ListedPlaylist {
    struct Segment {
        var number: UInt32
        var map: String
        var date: String
        var isBreak: Bool
        var isGap: Bool
    }

    var segments: [Segment] = []
    /// The discontinuity sequence number of each segment.
    var numbers: [UInt32: UInt32] = [:]

    init?(of session: MediaSession, _ track: TrackID, _ kind: PlaylistKey.Kind) {
        guard let bytes = session.playlist(PlaylistKey(track: track, kind: kind, skips: false)) else {
            return nil
        }
        var (count, map, date, isBreak, isGap) = (UInt32(0), "", "", false, false)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            if line.hasPrefix("#EXT-X-DISCONTINUITY-SEQUENCE:") {
                count = UInt32(line.split(separator: ":")[1]) ?? .max
            } else if line == "#EXT-X-DISCONTINUITY" {
                isBreak = true
                count += 1
            } else if line.hasPrefix("#EXT-X-MAP:URI=") {
                map = String(line.split(separator: "\"")[1])
            } else if line.hasPrefix("#EXT-X-PROGRAM-DATE-TIME:") {
                date = String(line.dropFirst(25))
            } else if line == "#EXT-X-GAP" {
                isGap = true
            } else if !line.hasPrefix("#"), let number = UInt32(line.dropLast(4)) {
                segments.append(Segment(number: number, map: map, date: date, isBreak: isBreak, isGap: isGap))
                numbers[number] = count
                (isBreak, isGap) = (false, false)
            }
        }
    }
}

/// A session whose parts a test makes by hand, one a segment of two seconds.
private final class MadeSession {
    let session: MediaSession
    private(set) var heads: [PartHead] = []

    init(breaks: SessionDescription.Breaks? = nil, namesBreaks: Bool = true) {
        var description = SyntheticStream.description(of: [])
        description.breaks = namesBreaks ? breaks ?? .init() : nil
        session = MediaSession(description: description, folder: "", isRecording: true)
        let all = (0..<3).flatMap { track in
            (1...2).map { ChangingPublisher.configuration(of: TrackID(rawValue: track), generation: $0) }
        }
        session.update(description, configurations: all)
    }

    /// Adds segments, each a number and its generation.
    func append(
        track: UInt16,
        _ segments: [(number: UInt32, generation: UInt16)],
        marked: Set<UInt32>,
        seconds: Double = 2
    ) {
        for (number, generation) in segments {
            append(
                PartHead(
                    track: TrackID(rawValue: track),
                    id: PartID(mediaSequence: number, part: 0),
                    generation: generation,
                    flags: marked.contains(number) ? [.segmentEnd, .discontinuity] : .segmentEnd,
                    discontinuitySequence: 0,
                    decodeTime: (10 + 2 * Int64(number)) * ChangingPublisher.timescale,
                    duration: UInt32(seconds * Double(ChangingPublisher.timescale)),
                    programDateTime: (10 + 2 * Int64(number)) * 1_000_000,
                    lastSequence: number,
                    position: BusPosition(epoch: 1, counter: UInt64(number))
                )
            )
        }
    }

    func append(_ head: PartHead) {
        heads.append(head)
        session.append(head, media: .init(bytes: [1], range: nil, byteCount: 1))
    }

    func listed(_ track: UInt16, _ kind: PlaylistKey.Kind) -> ListedPlaylist? {
        ListedPlaylist(of: session, TrackID(rawValue: track), kind)
    }

    func numbers(of track: UInt16, _ kind: PlaylistKey.Kind = .live) -> [UInt32: UInt32]? {
        listed(track, kind)?.numbers
    }
}

/// A publisher of a picture, sound and two layers, to whom everything happens that may, as ingest puts it on the bus.
private struct ChangingPublisher {
    /// What readers of one way on the bus get, in order.
    enum Item {
        case described(SessionDescription)
        case sample(BusSample)
        case finished
    }

    static let timescale: Int64 = 90_000
    /// Between two samples of a track, in ticks.
    static let distance: Int64 = 3600
    static let tracks = [0, 1, 40_000, 50_000].map { TrackID(rawValue: $0) }

    private(set) var description = SyntheticStream.description(of: [])
    private(set) var configurations: [TrackConfiguration] = []
    /// The publisher's own tracks under `nil`, each layer's under its number.
    private(set) var ways: [TrackID?: [Item]] = [:]
    private var random: SeededGenerator
    private var stamper = Stamper(partTarget: 0.3)
    private var generations: [TrackID: UInt16] = [:]
    private var announced: Set<TrackID> = []
    private var silentUntil: [TrackID: Int64] = [:]
    private var lastKeyframe: [TrackID: Int64] = [:]
    private var now = 10 * timescale
    private var lastBreak: UInt32?

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        description.breaks = .init()
    }

    static func configuration(of track: TrackID, generation: UInt16) -> TrackConfiguration {
        let isSound = track.rawValue == 1
        return TrackConfiguration(
            track: track,
            generation: generation,
            codec: isSound ? .opus : .h264,
            timescale: UInt32(timescale),
            decoderConfiguration: [],
            codecString: isSound ? "opus" : "avc1.42c01f",
            kind: isSound
                ? .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerFrame: Int(distance)))
                : .video(.init(width: 640, height: 360))
        )
    }

    mutating func publish(seconds: Int64) {
        for track in Self.tracks { generations[track] = 1 }
        // The layers of a browser begin at different times.
        for track in Self.tracks {
            silentUntil[track] = now + .random(in: 0...(2 * Self.timescale), using: &random)
        }
        announce(Set(Self.tracks))
        let end = now + seconds * Self.timescale
        while now < end {
            if Int.random(in: 0..<40, using: &random) == 0 { change() }
            for track in Self.tracks.shuffled(using: &random) where announced.contains(track) {
                send(on: track)
            }
            now += Self.distance
        }
        for track in Self.tracks where track.isLayer { ways[track, default: []].append(.finished) }
        ways[nil, default: []].append(.finished)
    }

    private mutating func change() {
        let track = Self.tracks.randomElement(using: &random) ?? Self.tracks[0]
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: silence(track)
        case 2: Self.tracks.forEach { silence($0) }
        case 3: grow(track)
        case 4: Self.tracks.forEach { if $0 != Self.tracks[1] { grow($0) } }
        case 5: stamper.breakTimeline()
        case 6: announce(Set(Self.tracks.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }))
        default: reconnect()
        }
    }

    private mutating func silence(_ track: TrackID) {
        silentUntil[track] = now + .random(in: 0...(6 * Self.timescale), using: &random)
    }

    private mutating func grow(_ track: TrackID) {
        generations[track, default: 0] += 1
        lastKeyframe[track] = nil
        announce(announced)
    }

    /// Another epoch, with other layers and perhaps without sound.
    private mutating func reconnect() {
        stamper = Stamper(partTarget: 0.3, resuming: stamper.resumePoint)
        lastBreak = nil
        now += .random(in: 0...(3 * Self.timescale), using: &random)
        for track in Self.tracks { generations[track, default: 0] += 1 }
        announce(Set(Self.tracks.filter { _ in Bool.random(using: &random) }))
    }

    private mutating func announce(_ tracks: Set<TrackID>) {
        for left in announced.subtracting(tracks) where left.isLayer {
            ways[left, default: []].append(.finished)
        }
        announced = tracks
        let current = Self.tracks.filter(tracks.contains).map {
            Self.configuration(of: $0, generation: generations[$0] ?? 1)
        }
        stamper.setTracks(current)
        configurations += current.filter { !configurations.contains($0) }
        describe()
    }

    private mutating func describe() {
        description.tracks = configurations.filter { generations[$0.track] == $0.generation }
            .map { .init(track: $0.track.rawValue, generation: $0.generation) }
        for way in [nil] + Self.tracks.filter({ $0.isLayer && announced.contains($0) }) {
            ways[way, default: []].append(.described(description))
        }
    }

    private mutating func send(on track: TrackID) {
        guard now >= silentUntil[track] ?? 0 else {
            lastKeyframe[track] = nil
            return
        }
        let isKeyframe = now - (lastKeyframe[track] ?? 0) >= 2 * Self.timescale
        if isKeyframe { lastKeyframe[track] = now }
        let sample = BusSample(
            track: track,
            generation: generations[track] ?? 1,
            flags: isKeyframe ? .keyframe : [],
            decodeTime: now,
            payload: [1]
        )
        guard let stamped = stamper.stamp(sample) else { return }
        if let newest = stamper.lastBreak, newest != lastBreak {
            lastBreak = newest
            description.breaks?.segments.append(newest)
            describe()
        }
        ways[track.isLayer ? track : nil, default: []].append(.sample(stamped))
    }
}

/// An origin that reads the ways of a publisher beside one another, now this one, now that.
private struct DisorderlyReader {
    let session: MediaSession
    private(set) var heads: [PartHead] = []
    private(set) var generations: [TrackID: [UInt32: UInt16]] = [:]
    private let publisher: ChangingPublisher
    private var random: SeededGenerator
    private var places: [TrackID?: Int] = [:]
    private var packagers: [TrackID?: SessionPackager] = [:]
    private var description: SessionDescription

    init(_ publisher: ChangingPublisher, seed: UInt64) {
        self.publisher = publisher
        random = SeededGenerator(seed: seed ^ 0xff)
        description = SyntheticStream.description(of: [])
        session = MediaSession(description: description, folder: "", isRecording: true)
    }

    /// Reads so many items; `false` where there are no more.
    mutating func read(_ count: Int) -> Bool {
        for _ in 0..<count {
            let open = publisher.ways.filter { places[$0.key] ?? 0 < $0.value.count }
            let sorted = open.keys.sorted { $0?.rawValue ?? 0 < $1?.rawValue ?? 0 }
            guard let way = sorted.randomElement(using: &random) else { return false }
            let place = places[way] ?? 0
            places[way] = place + 1
            take(open[way]?[place], on: way)
        }
        return true
    }

    private mutating func take(_ item: ChangingPublisher.Item?, on way: TrackID?) {
        var packager = packagers[way] ?? SessionPackager(isComplete: true)
        defer { packagers[way] = packager }
        switch item {
        case .described(let described):
            if way == nil { description = described }
            let own = publisher.configurations.filter { ($0.track.isLayer ? $0.track : nil) == way }
            packager.update(configurations: own, clock: PresentationClock(described))
            session.update(description, configurations: own, breaks: described.breaks)
        case .sample(let sample):
            generations[sample.track, default: [:]][sample.mediaSequence] = sample.generation
            let entry = BusEntry(keyframeCounter: 1, samples: [sample])
            perform(packager.feed(entry, at: BusPosition(epoch: 1, counter: 1)))
        case .finished: perform(packager.finish())
        case nil: break
        }
    }

    private mutating func perform(_ outputs: [SessionPackager.Output]) {
        for output in outputs {
            switch output {
            case .part(let part):
                heads.append(part.head)
                session.append(part.head, media: .init(bytes: [1], range: nil, byteCount: 1))
            case .segmentEnd(let track, let number, let end):
                session.completeSegment(of: track, number, endTime: end)
            default: break
            }
        }
    }
}
