import Codecs
import Media
import Transcoding

/// Turns the sound of a session into a rendition of it: samples of the source in, samples of the rendition out.
///
/// Times are the source's: what is decoded of a packet keeps the packet's place, to the sample, and a packet of
/// the rendition says where its decoded sound begins. A short hole in the source is filled with silence; at a
/// longer one, or where the time jumps, a new run begins with fresh codecs. An earlier maker's packets are
/// continued on its grid, so that nobody hears where one stopped and the next began.
final class SoundRendition {
    /// What an earlier maker left.
    struct Resumption: Equatable {
        /// The end of its last packet, in samples at 48 kHz.
        var end: Int64
        /// The number of the next packet.
        var sequence: UInt32
        /// The segment and part of its last packet.
        var place: StampTrail.Place
        /// Where that part begins, in samples at 48 kHz, if it is known: it is filled up then.
        var partStart: Int64?
    }

    /// Differences of time that are no more than rounding, in samples.
    private static let tolerance: Int64 = 48
    /// The longest hole that is filled, and the longest overlap that is cut off, in samples: 100 ms.
    private static let repairLimit: Int64 = 4800
    /// What decoder and encoder hear before the first packet that is kept, after an earlier maker: 200 ms.
    private static let warmUp: Int64 = 9600

    let coding: SoundEncoder.Coding
    let track: TrackID
    let channelCount: Int
    /// What readers must know of the rendition.
    let configuration: TrackConfiguration
    /// Packets of the source that could not be decoded.
    private(set) var damaged: UInt64 = 0

    private let bitRate: Int
    private var source: TrackConfiguration
    private var trail: StampTrail
    private var run: Run?
    private var nextSequence: UInt32
    /// Before this nothing is made: it has been made already.
    private var nextTime: Int64
    private var resumption: Resumption?

    /// One stretch without a break, with codecs of its own.
    fileprivate final class Run {
        var decoder: SoundDecoder
        var encoder: SoundEncoder
        var queue: SampleQueue
        /// Samples a channel to leave out at the beginning, so that packets begin on the grid.
        var surplus: Int

        init(
            decoder: consuming SoundDecoder,
            encoder: consuming SoundEncoder,
            queue: SampleQueue,
            surplus: Int
        ) {
            self.decoder = decoder
            self.encoder = encoder
            self.queue = queue
            self.surplus = surplus
        }
    }

    /// Creates a rendition of a source's sound.
    ///
    /// - Parameter partTarget: How long a part may be, in seconds.
    /// - Throws: where the source's coding cannot be decoded, or the libraries cannot make the rendition.
    init(
        _ coding: SoundEncoder.Coding,
        of source: TrackConfiguration,
        bitRate: Int,
        partTarget: Double,
        resuming resumption: Resumption? = nil
    ) throws(TranscodingFailure) {
        guard SoundCoding(source.codec) != nil, let audio = source.audio else { throw .unsupported }
        self.coding = coding
        self.source = source
        self.bitRate = bitRate
        self.resumption = resumption
        track = source.track
        channelCount = min(2, max(1, audio.channelCount))
        nextSequence = resumption?.sequence ?? 0
        nextTime = resumption?.end ?? .min
        trail = StampTrail(
            partTarget: Int64((max(0.001, min(60, partTarget)) * Double(SoundDecoder.sampleRate)).rounded()),
            after: resumption?.place,
            begunAt: resumption?.partStart
        )
        let encoder = try SoundEncoder(coding, channelCount: channelCount, bitRate: bitRate * channelCount)
        configuration = try Self.configuration(of: encoder, coding, source)
    }

    private static func configuration(
        of encoder: borrowing SoundEncoder,
        _ coding: SoundEncoder.Coding,
        _ source: TrackConfiguration
    ) throws(TranscodingFailure) -> TrackConfiguration {
        var made: TrackConfiguration
        do {
            switch coding {
            case .opus:
                made = try OpusConfiguration(identificationHeader: encoder.configuration.span)
                    .trackConfiguration(track: source.track, generation: 1)
            case .aac:
                made = try AACConfiguration(encoder.configuration.span)
                    .trackConfiguration(track: source.track, generation: 1)
            }
        } catch {
            throw .unsupported
        }
        if case .audio(var audio) = made.kind {
            audio.samplesPerFrame = encoder.samplesPerFrame
            made.kind = .audio(audio)
        }
        made.language = source.language
        made.label = source.label
        return made
    }

    /// Goes on with another configuration of the source.
    func reconfigure(_ source: TrackConfiguration) {
        guard source != self.source else { return }
        self.source = source
        run = nil
    }

    /// Takes the next sample of the source.
    ///
    /// - Returns: what is ready of the rendition, in order.
    /// - Throws: where the codecs cannot be opened for this source.
    func take(_ sample: BusSample) throws(TranscodingFailure) -> [BusSample] {
        guard sample.track == track, sample.generation == source.generation else { return [] }
        let time = time(of: sample)
        // Long before its end an earlier maker has done all there is to do.
        if let resumption, time < resumption.end &- Self.warmUp { return [] }
        trail.append(StampTrail.Mark(sample, at: time))
        var made: [BusSample] = []
        if sample.flags.contains(.discontinuity) || !continues(at: time) { made += endRun() }
        if run == nil { run = try beginRun(at: time) }
        decode(sample.payload, at: time)
        drain(into: &made)
        return made
    }

    /// What is left when the source has ended.
    func finish() -> [BusSample] { endRun() }

    private func time(of sample: BusSample) -> Int64 {
        MediaTime(ticks: sample.decodeTime, timescale: source.timescale)
            .ticks(in: UInt32(SoundDecoder.sampleRate))
    }

    // MARK: Runs

    private func beginRun(at time: Int64) throws(TranscodingFailure) -> Run {
        guard let coding = SoundCoding(source.codec), let audio = source.audio else { throw .unsupported }
        let decoder = try SoundDecoder(
            coding,
            configuration: source.decoderConfiguration,
            sampleRate: audio.sampleRate,
            channelCount: audio.channelCount,
            outputChannelCount: channelCount
        )
        let encoder = try SoundEncoder(
            self.coding,
            channelCount: channelCount,
            bitRate: bitRate * channelCount
        )
        var surplus: Int64 = 0
        if let resumption {
            // The first packet's decoded sound begins the lead-in before the first sample that is encoded.
            let length = Int64(encoder.samplesPerFrame)
            surplus = (resumption.end &+ Int64(encoder.leadIn) &- time) % length
            if surplus < 0 { surplus += length }
            self.resumption = nil
        }
        return Run(
            decoder: decoder,
            encoder: encoder,
            queue: SampleQueue(channelCount: channelCount, position: time),
            surplus: Int(surplus)
        )
    }

    /// Whether a packet at `time` belongs to the run, at its end or near enough to be repaired.
    private func continues(at time: Int64) -> Bool {
        guard let difference = difference(at: time) else { return true }
        return difference.magnitude <= UInt64(Self.repairLimit)
    }

    /// By how much a packet at `time` comes after the end of what has been decoded.
    private func difference(at time: Int64) -> Int64? {
        guard run != nil else { return nil }
        let expected = (run?.queue.end ?? 0) &+ Int64(run?.decoder.delay ?? 0)
        return time &- expected
    }

    /// Encodes what waits, with silence up to a whole frame, and closes the codecs.
    private func endRun() -> [BusSample] {
        guard run != nil else { return [] }
        let length = run?.encoder.samplesPerFrame ?? 1
        if let waiting = run?.queue.count, waiting > 0 { run?.queue.appendSilence(length - waiting % length) }
        var made: [BusSample] = []
        drain(into: &made)
        run = nil
        return made
    }

    // MARK: Samples

    private func decode(_ payload: [UInt8], at time: Int64) {
        let difference = difference(at: time) ?? 0
        if difference > Self.tolerance { run?.queue.appendSilence(Int(difference)) }
        let before = run?.queue.count ?? 0
        do throws(TranscodingFailure) {
            try run?.append(decoding: payload)
        } catch {
            // What is missing becomes silence when the next packet shows by how much.
            damaged += 1
        }
        if difference < -Self.tolerance {
            let added = (run?.queue.count ?? 0) - before
            run?.queue.removeLast(min(added, Int(-difference)))
        }
        if let surplus = run?.surplus, surplus > 0 {
            let removed = run?.queue.removeFirst(surplus) ?? 0
            run?.surplus -= removed
        }
    }

    private func drain(into made: inout [BusSample]) {
        do throws(TranscodingFailure) {
            while let packets = try run?.encodeNext() {
                for packet in packets { emit(packet, into: &made) }
            }
        } catch {
            damaged += 1
            run = nil
        }
    }

    private func emit(_ packet: EncodedSound, into made: inout [BusSample]) {
        let duration = Int64(configuration.audio?.samplesPerFrame ?? 0)
        guard packet.time >= nextTime else { return }
        nextTime = packet.time &+ duration
        var sample = BusSample(
            track: track,
            generation: configuration.generation,
            flags: .keyframe,
            sequence: nextSequence,
            decodeTime: packet.time,
            duration: UInt32(clamping: duration),
            payload: packet.bytes
        )
        nextSequence &+= 1
        trail.stamp(&sample)
        made.append(sample)
    }
}

extension SoundRendition.Run {
    fileprivate func append(decoding payload: [UInt8]) throws(TranscodingFailure) {
        var failure: TranscodingFailure?
        queue.append { samples in
            do throws(TranscodingFailure) {
                try decoder.decode(payload.span, into: &samples)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Encodes the next frame, or returns `nil` where too little waits for one.
    fileprivate func encodeNext() throws(TranscodingFailure) -> [EncodedSound]? {
        guard surplus == 0 else { return nil }
        var packets: [EncodedSound] = []
        var failure: TranscodingFailure?
        let isTaken = queue.take(encoder.samplesPerFrame) { samples, position in
            do throws(TranscodingFailure) {
                packets = try encoder.encode(samples, at: position)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return isTaken ? packets : nil
    }
}
