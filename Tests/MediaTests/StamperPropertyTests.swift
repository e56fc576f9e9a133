import Media
import TestSupport
import Testing

@Suite struct StamperPropertyTests {
    /// A stream and what a stamper made of it.
    struct Stamped: Sendable, CustomTestStringConvertible {
        var stream: SimulatedStream
        var samples: [BusSample]
        var testDescription: String { stream.description }
        var video: StampedTrack { StampedTrack(SimulatedStream.video, of: samples) }
        var audio: StampedTrack { StampedTrack(SimulatedStream.audio, of: samples) }
    }

    static let all: [Stamped] = streams.map { Stamped(stream: $0, samples: $0.stamped()) }

    static let streams: [SimulatedStream] = {
        var all: [SimulatedStream] = []
        for frameRate in [12, 15, 23.976, 25, 29.97, 30, 50] {
            for clock in [SimulatedStream.Clock.exact, .milliseconds, .jittery] {
                for gop in [0.5, 2, 4, 5, 10] {
                    all.append(SimulatedStream(frameRate: frameRate, clock: clock, gopSeconds: gop))
                }
            }
        }
        for gop in [1, 2, 4.1667, 4.4, 4.8, 8.3333, 9] {
            for sampleRate in [UInt32?.none, 44100, 48000] {
                var stream = SimulatedStream(frameRate: 60, gopSeconds: gop, hasBFrames: true)
                stream.sampleRate = sampleRate
                all.append(stream)
            }
        }
        return all
    }()

    @Test(arguments: all) func `numbers and flags agree`(stamped: Stamped) {
        #expect(stamped.samples.count == stamped.stream.samples.count)
        #expect(stamped.video.isConsistent)
        #expect(stamped.audio.isConsistent)
    }

    @Test(arguments: all) func `no part exceeds the target`(stamped: Stamped) {
        #expect(stamped.video.longestPart <= 27_000)
        #expect(Double(stamped.audio.longestPart) <= 0.3 * Double(stamped.stream.sampleRate ?? 1))
    }

    @Test(arguments: all) func `a part is short only where one more sample would not fit`(
        stamped: Stamped
    ) {
        let period = 90_000 / (stamped.stream.frameRate ?? 1)
        let slack = stamped.stream.clock == .jittery ? 0.5 * period : 180
        for segment in stamped.video.segments {
            for part in segment.parts.dropLast() {
                let duration = Double(part.duration ?? 0)
                #expect(duration >= 0.85 * 27_000 - 1 || duration + period + slack > 27_000)
            }
        }
    }

    @Test(arguments: all) func `segments begin at keyframes a second apart, or after four seconds`(
        stamped: Stamped
    ) {
        let video = stamped.video
        for (segment, next) in zip(video.segments, video.segments.dropFirst()) {
            let duration = next.first.decodeTime - segment.first.decodeTime
            #expect(duration < Int64(4.5 * 90_000))
            #expect(next.isIndependent != next.first.flags.contains(.notIndependent))
            if next.isIndependent {
                #expect(duration >= Int64(0.995 * 90_000))
            } else {
                #expect(duration >= 3 * 90_000)
            }
            let missed = segment.parts.flatMap(\.samples).dropFirst().filter {
                $0.flags.contains(.keyframe) && $0.decodeTime - segment.first.decodeTime >= 90_000
            }
            #expect(missed.isEmpty)
        }
    }

    @Test(arguments: all.filter { $0.stream.gopSeconds >= 1 })
    func `every keyframe of a regular stream begins a segment, but for the second`(stamped: Stamped) {
        let keyframes = stamped.video.samples.filter { $0.flags.contains(.keyframe) }
        let mute = keyframes.filter { !$0.flags.contains(.segmentStart) }.map(\.sequence)
        #expect(mute.isEmpty || mute == [keyframes[1].sequence])
    }

    @Test(arguments: all.filter { $0.stream.sampleRate != nil })
    func `sound cuts at its first sample at or after the picture's`(stamped: Stamped) {
        let timescale = stamped.stream.sampleRate ?? 1
        for (picture, sound) in zip(stamped.video.segments, stamped.audio.segments).dropFirst() {
            let cut = MediaTime(ticks: picture.presentation, timescale: 90_000)
            let start = MediaTime(ticks: sound.first.decodeTime, timescale: timescale)
            #expect(sound.number == picture.number)
            #expect(start >= cut)
            #expect(start.seconds - cut.seconds <= 1024 / Double(timescale) + 0.001)
        }
    }

    @Test(arguments: all.filter { $0.stream.clock != .jittery })
    func `nearly every part is known to be complete with its last sample`(stamped: Stamped) {
        for track in [stamped.video, stamped.audio] {
            let parts = track.segments.flatMap { $0.parts.dropLast() }
            let open = parts.filter { !$0.isClosed }.count
            #expect(open * 20 <= parts.count)
            let closing = track.samples.filter { $0.flags.contains(.partEnd) }
            let durations = closing.map(\.duration)
            #expect(!durations.contains(0))
        }
    }

    @Test(arguments: [UInt32(8000), 22050, 44100, 48000])
    func `sound alone is cut every two seconds`(sampleRate: UInt32) {
        let stream = SimulatedStream(frameRate: nil, sampleRate: sampleRate)
        let audio = StampedTrack(SimulatedStream.audio, of: stream.stamped())
        #expect(audio.isConsistent)
        for (segment, next) in zip(audio.segments, audio.segments.dropFirst()) {
            let duration = next.first.decodeTime - segment.first.decodeTime
            #expect((2 * Int64(sampleRate)..<2 * Int64(sampleRate) + 1024).contains(duration))
            let open = segment.parts.filter { !$0.isClosed }.count
            #expect(open == 0)
        }
    }

    @Test(arguments: 1...40) func `frames lost at random change no rule but the length of what they leave`(
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        let stream = SimulatedStream(clock: .jittery, gopSeconds: 2, seed: seed)
        var stamper = Stamper(partTarget: 0.3)
        stamper.setTracks(stream.configurations)
        let kept = stream.samples.filter {
            $0.flags.contains(.keyframe) || Int.random(in: 0..<10, using: &random) > 0
        }
        let stamped = kept.compactMap { stamper.stamp($0) }
        let video = StampedTrack(SimulatedStream.video, of: stamped)
        #expect(video.isConsistent)
        for part in video.segments.flatMap(\.parts) where part.isClosed {
            #expect(part.duration ?? 0 <= 27_000)
        }
    }

    @Test(arguments: 1...60) func `no input traps the stamper`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var stamper = Stamper(partTarget: Double(bitPattern: random.next()))
        stamper.setTracks(SimulatedStream().configurations)
        for _ in 0..<500 {
            let times: [Int64] = [.min, .max, 0, -1, Int64(bitPattern: random.next()), 900_000]
            var sample = BusSample(
                track: TrackID(rawValue: .random(in: 0...2, using: &random)),
                generation: .random(in: 1...2, using: &random),
                flags: BusSample.Flags(rawValue: random.next()),
                decodeTime: times.randomElement(using: &random) ?? 0,
                compositionOffset: Int32(bitPattern: random.next()),
                payload: []
            )
            sample.decodeTime &+= .random(in: 0...10_000, using: &random)
            _ = stamper.stamp(sample)
            if Int.random(in: 0..<50, using: &random) == 0 { stamper.breakTimeline() }
        }
    }
}
