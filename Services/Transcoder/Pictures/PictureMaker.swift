import Codecs
import Contracts
import Media
import MediaBus
import Reactor
import Transcoding

/// Makes H.264 over without B-frames, on a thread of its own: a picture takes milliseconds.
final class PictureMaker: RenditionMaking {
    /// Pictures that may wait for the thread; beyond them the source is taken up again at its next keyframe.
    private static let waitingLimit = 120

    private let loop: EventLoop
    private let bitRate: Int
    private let output: (RenditionOutput) -> Void
    private let work = EventLoop(name: "pictures")
    private var earlier: BusResumption?
    private var source: TrackConfiguration?
    private var bench: PictureBench?
    private var waiting = 0
    private var needsKeyframe = true
    private var trail: PictureTrail
    private(set) var configuration: TrackConfiguration?

    /// Creates a maker.
    ///
    /// - Parameters:
    ///   - bitRate: The most bits a second.
    ///   - earlier: What an earlier maker left, of this session or of another.
    ///   - loop: Where the maker is used.
    init(
        bitRate: Int,
        after earlier: BusResumption?,
        on loop: EventLoop,
        output: @escaping (RenditionOutput) -> Void
    ) {
        self.bitRate = bitRate
        self.earlier = earlier
        self.loop = loop
        self.output = output
        trail = PictureTrail()
    }

    deinit { work.stop() }

    func use(_ session: SessionDescription, _ tracks: [TrackConfiguration]) -> Bool {
        let current = session.tracks.compactMap { reference in
            tracks.first { $0.track.rawValue == reference.track && $0.generation == reference.generation }
        }
        let pictures = current.filter(\.isVideo).min { $0.track < $1.track }
        guard let pictures, pictures.codec == .h264 else { return false }
        guard pictures != source else { return true }
        guard let made = try? PictureBench(of: pictures, bitRate: bitRate) else { return false }
        if source == nil, let earlier, earlier.session.sessionId == session.sessionId {
            trail = PictureTrail(after: earlier)
        }
        source = pictures
        bench = made
        needsKeyframe = true
        return true
    }

    func take(_ samples: [BusSample]) {
        for sample in samples where sample.track == source?.track && sample.generation == source?.generation {
            if sample.flags.contains(.keyframe), waiting < Self.waitingLimit { needsKeyframe = false }
            guard !needsKeyframe else { continue }
            if waiting >= Self.waitingLimit {
                needsKeyframe = true
                continue
            }
            submit(sample)
        }
    }

    func loseSamples() { needsKeyframe = true }

    func makeKeyframe() {
        guard let bench else { return }
        work.execute { bench.requestKeyframe() }
    }

    private func submit(_ sample: BusSample) {
        guard let bench else { return }
        let time = sample.decodeTime &+ Int64(sample.compositionOffset)
        trail.note(sample, at: time)
        waiting += 1
        let hand = Hand(maker: self)
        work.execute { [loop, payload = sample.payload] in
            let result = bench.transcode(payload, at: time)
            loop.execute { hand.maker.finished(result, at: bench) }
        }
    }

    private func finished(_ result: PictureBench.Result, at bench: PictureBench) {
        waiting -= 1
        // What was made of an earlier configuration comes too late.
        guard bench === self.bench, let source else { return }
        switch result {
        case .damaged: output(.damaged(1))
        case .failed: output(.failed)
        case .pictures(let pictures, let record):
            if let record, record != configuration?.decoderConfiguration { describe(record, of: source) }
            guard let configuration else { return }
            let samples = pictures.compactMap { trail.sample(of: $0, in: configuration) }
            if !samples.isEmpty { output(.samples(samples)) }
        }
    }

    private func describe(_ record: [UInt8], of source: TrackConfiguration) {
        let generation = (configuration?.generation ?? earliestGeneration) &+ 1
        guard
            var made = try? H264Configuration(record: record.span)
                .trackConfiguration(track: source.track, generation: generation)
        else { return output(.failed) }
        if case .video(var video) = made.kind {
            video.frameRate = source.video?.frameRate
            video.rotation = source.video?.rotation ?? 0
            made.kind = .video(video)
        }
        configuration = made
        output(.configuration(made))
    }

    /// The newest generation that an earlier maker has used.
    private var earliestGeneration: UInt16 { earlier?.tracks.map(\.generation).max() ?? 0 }

    func finish() async {
        guard let bench else { return }
        let hand = Hand(maker: self)
        await withCheckedContinuation { continuation in
            waiting += 1
            work.execute { [loop] in
                let result = bench.finish()
                loop.execute {
                    hand.maker.finished(result, at: bench)
                    continuation.resume()
                }
            }
        }
    }

    /// Carries the maker through its thread and back to the loop that it is used on.
    private struct Hand: @unchecked Sendable {
        // SAFETY: the thread only passes it on; it is used on the loop again.
        let maker: PictureMaker
    }
}

/// Where pictures are made over; used on the thread of its maker only.
final class PictureBench: @unchecked Sendable {
    // SAFETY: after `init` it is touched by one thread only.

    /// What became of an access unit.
    enum Result: Sendable {
        /// These pictures are ready; their configuration, once it is known.
        case pictures([EncodedPicture], record: [UInt8]?)
        /// It could not be decoded.
        case damaged
        /// The pictures are such that they cannot be made over.
        case failed
    }

    private var transcoder: PictureTranscoder

    init(of source: TrackConfiguration, bitRate: Int) throws(TranscodingFailure) {
        transcoder = try PictureTranscoder(
            record: source.decoderConfiguration,
            frameRate: source.video?.frameRate,
            bitRate: bitRate
        )
    }

    func transcode(_ payload: [UInt8], at time: Int64) -> Result {
        do throws(TranscodingFailure) {
            let pictures = try transcoder.transcode(payload, at: time)
            return .pictures(pictures, record: transcoder.record)
        } catch {
            return error == .unsupported ? .failed : .damaged
        }
    }

    func requestKeyframe() { transcoder.requestKeyframe() }

    /// What the decoder still held.
    func finish() -> Result {
        let pictures = try? transcoder.finish()
        return .pictures(pictures ?? [], record: transcoder.record)
    }
}
