import Media
import TestSupport

/// A publisher's samples as a stamper gets them: interleaved by decode time, on the session's timeline.
struct SimulatedStream: Sendable, CustomStringConvertible {
    enum Clock: String, Sendable {
        /// Exact multiples of the frame period.
        case exact
        /// Rounded to milliseconds, as RTMP has them.
        case milliseconds
        /// Up to a quarter of a period early or late.
        case jittery
    }

    var frameRate: Double? = 30
    var clock = Clock.milliseconds
    var gopSeconds = 2.0
    var hasBFrames = false
    var sampleRate: UInt32? = 48000
    var seconds = 14.0
    var seed: UInt64 = 1

    static let video = TrackID(rawValue: 0)
    static let audio = TrackID(rawValue: 1)

    var description: String {
        let video = frameRate.map {
            "\($0) fps \(clock.rawValue), GOP \(gopSeconds) s\(hasBFrames ? ", B" : "")"
        }
        return [video, sampleRate.map { "\($0) Hz" }].compactMap { $0 }.joined(separator: ", ")
    }

    var configurations: [TrackConfiguration] {
        var all: [TrackConfiguration] = []
        if frameRate != nil { all.append(videoConfiguration) }
        if let sampleRate { all.append(audioConfiguration(sampleRate)) }
        return all
    }

    var samples: [BusSample] {
        let all =
            videoSamples.map { ($0, MediaTime(ticks: $0.decodeTime, timescale: 90_000)) }
            + audioSamples.map { ($0, MediaTime(ticks: $0.decodeTime, timescale: sampleRate ?? 1)) }
        return all.enumerated().sorted { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }
            .map(\.element.0)
    }

    /// What a stamper makes of it.
    func stamped(partTarget: Double? = nil) -> [BusSample] {
        var stamper = Stamper(partTarget: partTarget ?? Stamper.partTarget(for: configurations))
        stamper.setTracks(configurations)
        return samples.compactMap { stamper.stamp($0) }
    }

    private var videoConfiguration: TrackConfiguration {
        TrackConfiguration(
            track: Self.video,
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: [],
            codecString: "avc1.64001f",
            kind: .video(.init(width: 640, height: 360, frameRate: frameRate))
        )
    }

    private func audioConfiguration(_ sampleRate: UInt32) -> TrackConfiguration {
        TrackConfiguration(
            track: Self.audio,
            generation: 1,
            codec: .aac,
            timescale: sampleRate,
            decoderConfiguration: [],
            codecString: "mp4a.40.2",
            kind: .audio(.init(sampleRate: Int(sampleRate), channelCount: 2, samplesPerFrame: 1024))
        )
    }

    private var videoSamples: [BusSample] {
        guard let frameRate else { return [] }
        var random = SeededGenerator(seed: seed)
        let gop = max(1, Int((gopSeconds * frameRate).rounded()))
        return (0..<Int(seconds * frameRate)).map { index in
            let time = Double(index) / frameRate
            let place = index % gop
            // I P B B: the decode order shows P two frames early and each B one frame late.
            let offset = hasBFrames ? [1, 3, 0, 0][place == 0 ? 0 : 1 + (place - 1) % 3] : 0
            return BusSample(
                track: Self.video,
                generation: 1,
                flags: place == 0 ? .keyframe : [],
                decodeTime: 900_000 + ticks(at: time, period: 1 / frameRate, using: &random),
                compositionOffset: Int32(Double(offset) * 90_000 / frameRate),
                payload: [UInt8(truncatingIfNeeded: index)]
            )
        }
    }

    private func ticks(at time: Double, period: Double, using random: inout SeededGenerator) -> Int64 {
        switch clock {
        case .exact: Int64((time * 90_000).rounded())
        case .milliseconds: Int64((time * 1000).rounded()) * 90
        case .jittery: Int64((time + period * .random(in: -0.25...0.25, using: &random)) * 90_000)
        }
    }

    private var audioSamples: [BusSample] {
        guard let sampleRate else { return [] }
        return (0..<Int(seconds * Double(sampleRate) / 1024)).map { index in
            BusSample(
                track: Self.audio,
                generation: 1,
                decodeTime: 10 * Int64(sampleRate) + 1024 * Int64(index),
                payload: [UInt8(truncatingIfNeeded: index)]
            )
        }
    }
}
