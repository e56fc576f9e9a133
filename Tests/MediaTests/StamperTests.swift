import Bytes
import Media
import Testing

@Suite struct StamperTests {
    @Test func `a second of pictures and sound has these stamps`() {
        var stream = SimulatedStream(frameRate: 10, clock: .exact, gopSeconds: 1, sampleRate: 8000)
        stream.seconds = 1.2
        #expect(
            stream.stamped().map(\.summary) == [
                "0#0 900000 0.0 SPK", "1#0 80000+1024 0.0 SPK", "0#1 909000 0.0", "1#1 81024+1024 0.0 EK",
                "0#2 918000+9000 0.0 E", "1#2 82048+1024 0.1 PK", "0#3 927000 0.1 P",
                "1#3 83072+1024 0.1 EK", "0#4 936000 0.1", "0#5 945000+9000 0.1 E", "1#4 84096+1024 0.2 PK",
                "0#6 954000 0.2 P", "1#5 85120+1024 0.2 EK", "0#7 963000 0.2", "1#6 86144+1024 0.3 PK",
                "0#8 972000+9000 0.2 E", "1#7 87168+1024 0.3 EK", "0#9 981000 0.3 P",
                "0#10 990000 1.0 SPK", "1#8 88192+1024 1.0 SPK", "0#11 999000 1.0",
            ]
        )
    }

    @Test func `the same samples always give the same bytes`() {
        let stamped = SimulatedStream(gopSeconds: 2, hasBFrames: true).stamped()
        let bytes = BusEntry(keyframeCounter: 1, samples: Array(stamped.prefix(500))).encoded()
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        #expect(String(hash, radix: 16) == "4ac7183b99490b27")
        #expect(stamped == SimulatedStream(gopSeconds: 2, hasBFrames: true).stamped())
    }

    @Test func `a break begins the same segment on all tracks, whichever comes first`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        _ = stamper.stamp(.video(3000))
        stamper.breakTimeline()
        let sound = stamper.stamp(.audio(48_000))
        let picture = stamper.stamp(.video(90_000, .keyframe))
        let later = stamper.stamp(.audio(49_024))
        #expect(sound?.mediaSequence == 1)
        #expect(picture?.mediaSequence == 1)
        #expect(later?.mediaSequence == 1)
        #expect(sound?.flags.isSuperset(of: [.discontinuity, .segmentStart, .partStart]) == true)
        #expect(picture?.flags.isSuperset(of: [.discontinuity, .segmentStart, .partStart]) == true)
        #expect(later?.flags.contains(.discontinuity) == false)
    }

    @Test func `a new configuration cuts all tracks at once`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        let picture = stamper.stamp(.video(3000, .keyframe, generation: 2))
        let sound = stamper.stamp(.audio(1024))
        #expect(picture?.mediaSequence == 1)
        #expect(picture?.flags.contains(.discontinuity) == true)
        #expect(sound?.mediaSequence == 1)
        #expect(sound?.flags.contains(.discontinuity) == true)
        #expect(stamper.stamp(.video(6000, generation: 2))?.mediaSequence == 1)
    }

    @Test func `a track that comes back behind a break says so, and breaks nothing again`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        stamper.breakTimeline()
        #expect(stamper.stamp(.video(90_000, .keyframe))?.mediaSequence == 1)
        #expect(stamper.stamp(.video(270_000, .keyframe))?.flags.contains(.discontinuity) == false)
        let sound = stamper.stamp(.audio(144_000, generation: 2))
        #expect(sound?.mediaSequence == 2)
        #expect(sound?.flags.contains(.discontinuity) == true)
        #expect(stamper.lastBreak == 1)
        #expect(stamper.stamp(.audio(145_024, generation: 2))?.flags.contains(.discontinuity) == false)
    }

    @Test func `a picture that was silent and comes back in another size breaks the session`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        for number in 0..<240 { _ = stamper.stamp(.audio(Int64(number) * 1024)) }
        #expect(stamper.lastBreak == nil)
        let picture = stamper.stamp(.video(460_000, .keyframe, generation: 2))
        #expect(picture?.flags.contains(.discontinuity) == true)
        #expect(stamper.lastBreak == picture?.mediaSequence)
        let sound = stamper.stamp(.audio(240 * 1024))
        #expect(sound?.mediaSequence == picture?.mediaSequence)
        #expect(sound?.flags.contains(.discontinuity) == true)
    }

    @Test(arguments: [1, 2] as [UInt16])
    func `a track that left and comes back breaks the session where its configuration is another one`(
        generation: UInt16
    ) {
        let (both, picture) = (
            SimulatedStream().configurations, SimulatedStream(sampleRate: nil).configurations
        )
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(both)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        stamper.setTracks(picture)
        _ = stamper.stamp(.video(180_000, .keyframe))
        stamper.setTracks(both)
        let sound = stamper.stamp(.audio(144_000, generation: generation))
        #expect(sound?.flags.contains(.discontinuity) == (generation == 2))
        #expect(stamper.lastBreak == (generation == 2 ? 2 : nil))
    }

    @Test func `sound of another sample rate breaks the session`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        stamper.setTracks(SimulatedStream(sampleRate: 44_100).configurations)
        let sound = stamper.stamp(.audio(44_100, generation: 2))
        #expect(sound?.mediaSequence == 1)
        #expect(sound?.flags.contains(.discontinuity) == true)
        #expect(stamper.stamp(.video(93_000))?.mediaSequence == 1)
    }

    @Test func `a break together with new configurations is one cut`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        _ = stamper.stamp(.audio(0))
        stamper.breakTimeline()
        #expect(stamper.stamp(.video(90_000, .keyframe, generation: 2))?.mediaSequence == 1)
        #expect(stamper.stamp(.audio(48_000, generation: 2))?.mediaSequence == 1)
        #expect(stamper.stamp(.audio(49_024, generation: 2))?.mediaSequence == 1)
    }

    @Test func `a later epoch goes on with the numbers of the one before`() {
        var first = Stamper(partTarget: 0.3)
        first.setTracks(SimulatedStream().configurations)
        for sample in SimulatedStream().samples { _ = first.stamp(sample) }
        var second = Stamper(partTarget: 0.3, resuming: first.resumePoint)
        second.setTracks(SimulatedStream().configurations)
        let sample = second.stamp(.video(9_000_000, .keyframe))
        #expect(sample?.mediaSequence == first.resumePoint.nextMediaSequence)
        #expect(sample?.sequence == first.resumePoint.nextSequences[SimulatedStream.video])
        #expect(sample?.flags.contains(.discontinuity) == true)
    }

    @Test func `sound goes on in segments when the pictures stop`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(0, .keyframe))
        let sound = (0..<1000).compactMap { stamper.stamp(.audio(Int64($0) * 1024)) }
        let starts = sound.filter { $0.flags.contains(.segmentStart) }
        for (start, next) in zip(starts, starts.dropFirst()) {
            #expect(next.mediaSequence == start.mediaSequence + 1)
            #expect((192_000..<216_000).contains(next.decodeTime - start.decodeTime))
        }
        let picture = stamper.stamp(.video(1_920_000, .keyframe))
        #expect(picture?.mediaSequence == starts.last?.mediaSequence)
        #expect(picture?.flags.contains(.discontinuity) == false)
    }

    @Test(arguments: [0.5, 1, 2, 3.3, 3.6, 3.9, 4.1, 4.3, 4.5, 5])
    func `no segment of sound rounds to five seconds, whenever the pictures stop`(seconds: Double) {
        var stamper = Stamper(partTarget: 0.3)
        let stream = SimulatedStream(gopSeconds: 4.4)
        stamper.setTracks(stream.configurations)
        let stop = 900_000 + Int64(seconds * 90_000)
        let kept = stream.samples.filter { $0.track == SimulatedStream.audio || $0.decodeTime < stop }
        let sound = StampedTrack(SimulatedStream.audio, of: kept.compactMap { stamper.stamp($0) })
        for (segment, next) in zip(sound.segments, sound.segments.dropFirst()) {
            #expect(next.first.decodeTime - segment.first.decodeTime < 216_000)
        }
    }

    @Test(arguments: [0.5, 2, 4, 8], [0.2, 1.9])
    func `a hole in all tracks makes no segment too long`(hole: Double, position: Double) throws {
        var stamper = Stamper(partTarget: 0.3)
        let stream = SimulatedStream(gopSeconds: 2)
        stamper.setTracks(stream.configurations)
        let from = 10 + 4 + position
        let timescales = [SimulatedStream.video: 90_000.0, SimulatedStream.audio: 48_000]
        let stamped = try stream.samples
            .filter { sample in
                let time = Double(sample.decodeTime) / (try #require(timescales[sample.track]))
                return !(from..<from + hole).contains(time)
            }
            .compactMap { stamper.stamp($0) }
        for (track, timescale) in timescales {
            let segments = StampedTrack(track, of: stamped).segments
            for (segment, next) in zip(segments, segments.dropFirst())
            where !next.first.flags.contains(.discontinuity) {
                #expect(Double(next.first.decodeTime - segment.first.decodeTime) / timescale < 4.5)
            }
            let breaks = segments.dropFirst().filter { $0.first.flags.contains(.discontinuity) }
            #expect(breaks.map(\.first.mediaSequence) == (hole + position > 4.5 ? [3] : []))
        }
    }

    @Test func `a second picture track cuts at its own keyframe`() {
        var stamper = Stamper(partTarget: 0.3)
        let second = TrackID(rawValue: 2)
        var configurations = SimulatedStream(sampleRate: nil).configurations
        configurations.append(configurations[0])
        configurations[1].track = second
        stamper.setTracks(configurations)
        var cuts: [Int64] = []
        for frame in 0..<200 as Range<Int64> {
            _ = stamper.stamp(.video(frame * 3000, frame % 60 == 0 ? .keyframe : []))
            var other = BusSample.video(frame * 3000, frame % 60 == 2 ? .keyframe : [])
            other.track = second
            let stamped = stamper.stamp(other)
            if stamped?.flags.contains(.segmentStart) == true { cuts.append(frame) }
        }
        #expect(cuts == [0, 62, 122, 182])
    }

    @Test func `decode times that do not rise are made to, and a presentation time of its own stays`() {
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(SimulatedStream().configurations)
        _ = stamper.stamp(.video(3000, .keyframe))
        var reordered = BusSample.video(3000)
        reordered.compositionOffset = 6000
        let same = stamper.stamp(reordered)
        #expect(same?.decodeTime == 903_001)
        #expect(same?.compositionOffset == 5999)
    }

    @Test func `another layer whose clock is behind is shown after the pictures before it`() {
        var stamper = Stamper(partTarget: 0.3)
        var configurations = SimulatedStream(sampleRate: nil).configurations
        stamper.setTracks(configurations)
        var shown: [Int64] = []
        for frame in 0..<40 as Range<Int64> {
            // The better layer is 50 ms behind: more than one picture.
            let isBetter = frame >= 20
            if frame == 20 {
                configurations[0].generation += 1
                stamper.setTracks(configurations)
            }
            var sample = BusSample.video(
                frame * 3000 - (isBetter ? 4500 : 0),
                frame % 20 == 0 ? .keyframe : []
            )
            sample.generation = configurations[0].generation
            guard let stamped = stamper.stamp(sample) else { continue }
            shown.append(stamped.decodeTime + Int64(stamped.compositionOffset))
        }
        #expect(shown.count == 40)
        #expect(zip(shown, shown.dropFirst()).allSatisfy { $0 < $1 })
        let last: Int64 = 900_000 + 39 * 3000 - 4500
        #expect(shown.last == last)
    }

    @Test func `slow pictures have parts of one frame and a target as long`() {
        var stream = SimulatedStream(frameRate: 2, clock: .exact, gopSeconds: 2, sampleRate: nil)
        stream.seconds = 8
        #expect(Stamper.partTarget(for: stream.configurations) == 0.5)
        let video = StampedTrack(SimulatedStream.video, of: stream.stamped())
        #expect(video.isConsistent)
        #expect(video.longestPart == 45_000)
        #expect(video.segments.map(\.parts.count) == [4, 4, 4, 4])
    }

    @Test func `sound of changing frame lengths keeps them, and its parts keep the target`() {
        var configuration = SimulatedStream(frameRate: nil).configurations[0]
        configuration.kind = .audio(.init(sampleRate: 48_000, channelCount: 2))
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks([configuration])
        var time: Int64 = 0
        let stamped = (0..<500).compactMap { index in
            var sample = BusSample.audio(time)
            sample.duration = [960, 1920, 2880][index % 3]
            time += Int64(sample.duration)
            return stamper.stamp(sample)
        }
        let audio = StampedTrack(SimulatedStream.audio, of: stamped)
        #expect(audio.isConsistent)
        #expect(stamped.map(\.duration).prefix(4) == [960, 1920, 2880, 960])
        #expect(audio.longestPart <= 14_400)
    }

    @Test func `a sample of an unknown track is refused`() {
        var stamper = Stamper(partTarget: 0.3)
        #expect(stamper.stamp(.video(0, .keyframe)) == nil)
    }
}

extension BusSample {
    fileprivate static func video(_ time: Int64, _ flags: Flags = [], generation: UInt16 = 1) -> BusSample {
        BusSample(
            track: SimulatedStream.video,
            generation: generation,
            flags: flags,
            decodeTime: 900_000 + time,
            payload: []
        )
    }

    fileprivate static func audio(_ time: Int64, generation: UInt16 = 1) -> BusSample {
        BusSample(
            track: SimulatedStream.audio,
            generation: generation,
            decodeTime: 480_000 + time,
            payload: []
        )
    }

    /// Track, sequence, decode time, duration, segment, part, and S, P, E, K for the flags.
    fileprivate var summary: String {
        let names: [(Flags, String)] = [
            (.segmentStart, "S"), (.partStart, "P"), (.partEnd, "E"), (.keyframe, "K"),
        ]
        let letters = names.filter { flags.contains($0.0) }.map(\.1).joined()
        let place =
            "\(track)#\(sequence) \(decodeTime)\(duration > 0 ? "+\(duration)" : "") \(mediaSequence).\(part)"
        return letters.isEmpty ? place : "\(place) \(letters)"
    }
}
