import Codecs
import Media
import RTMP

/// One track of a publisher: packets in, configurations and samples out.
///
/// A class, though it is a machine: as a value it would be copied with every packet.
final class PublisherTrack {
    /// Generations of one track in a session, each of which stays on the bus as long as the session does.
    ///
    /// What would need more is dropped.
    static let generationLimit: UInt16 = 1000

    /// The number on the bus.
    let id: TrackID
    /// The newest configuration that was given out.
    private(set) var configuration: TrackConfiguration?

    private var fourCC: FourCC?
    private var decoding: (any TrackDecoding)?
    private var record: ArraySlice<UInt8> = []
    private var lastGeneration: UInt16
    private var needsKeyframe = true
    /// Whether a sequence header of the codec has come, of use or not.
    private var hasHeader = false
    private var hasUndecodedKeyframe = false
    private var isToldUndecodable = false
    private var beginsGeneration = false

    /// Creates a track whose configurations are numbered from `lastGeneration` + 1.
    init(id: TrackID, lastGeneration: UInt16 = 0) {
        self.id = id
        self.lastGeneration = lastGeneration
    }

    /// Takes one packet and appends what becomes of it to `outputs`.
    ///
    /// - Parameters:
    ///   - timestamp: The decode time of its message on the publisher's clock, in milliseconds.
    ///   - frameRate: What the publisher's metadata claims, used where the bitstream says nothing.
    func take(
        _ packet: MediaPacket,
        at timestamp: UInt32,
        frameRate: Double?,
        into outputs: inout [TrackOutput]
    ) {
        switch packet.content {
        case .sequenceStart(let bytes):
            guard adopt(packet.codec, into: &outputs) else { return }
            configure(bytes, frameRate, into: &outputs)
        case .coded(let frame):
            guard adopt(packet.codec, into: &outputs) else { return }
            decode(frame, at: timestamp, frameRate, into: &outputs)
            if frame.isKeyframe { tellUndecodable(into: &outputs) }
        case .ignored(.empty): outputs.append(.dropped(.empty))
        case .ignored(.legacyCodec): outputs.append(.dropped(.unsupportedCodec))
        case .sequenceEnd, .metadata, .channels, .ignored: break
        }
    }

    /// Goes over to the codec of a packet; descriptions do not count, which some encoders misaddress.
    private func adopt(_ new: FourCC, into outputs: inout [TrackOutput]) -> Bool {
        if new == fourCC { return true }
        guard let codec = new.codec else {
            outputs.append(.dropped(.unsupportedCodec))
            return false
        }
        change(to: codec, new)
        return true
    }

    private func change(to codec: Codec, _ fourCC: FourCC) {
        self.fourCC = fourCC
        decoding = codec.decoding
        record = []
        needsKeyframe = true
        hasHeader = false
        hasUndecodedKeyframe = false
        isToldUndecodable = false
    }

    private func configure(
        _ bytes: ArraySlice<UInt8>,
        _ frameRate: Double?,
        into outputs: inout [TrackOutput]
    ) {
        hasHeader = true
        // Encoders repeat the record with every keyframe; only other bytes say something.
        guard bytes != record else { return }
        do throws(CodecFailure) {
            let changed = try decoding?.configure(bytes) ?? false
            record = bytes
            if changed { renew(frameRate, into: &outputs) }
        } catch {
            outputs.append(.dropped(.badConfiguration))
        }
    }

    private func decode(
        _ frame: MediaPacket.Frame,
        at timestamp: UInt32,
        _ frameRate: Double?,
        into outputs: inout [TrackOutput]
    ) {
        do throws(CodecFailure) {
            guard let (decoded, changed) = try decoding?.decode(frame) else { return }
            if changed { renew(frameRate, into: &outputs) }
            if let reason = reasonToDrop(decoded) { return outputs.append(.dropped(reason)) }
            needsKeyframe = false
            outputs.append(.sample(sample(decoded, frame, at: timestamp)))
            beginsGeneration = false
        } catch {
            outputs.append(.dropped(.badPayload))
        }
    }

    /// Says that a keyframe cannot be decoded: one whose header was of no use, or the second that came without any.
    private func tellUndecodable(into outputs: inout [TrackOutput]) {
        guard id == .video, configuration == nil, !isToldUndecodable, lastGeneration < Self.generationLimit,
            let codec = fourCC?.codec
        else { return }
        defer { hasUndecodedKeyframe = true }
        guard hasHeader || hasUndecodedKeyframe else { return }
        isToldUndecodable = true
        outputs.append(.undecodable(codec))
    }

    private func reasonToDrop(_ decoded: DecodedFrame) -> DroppedPacket? {
        if decoded.payload.isEmpty { return .empty }
        if configuration == nil { return .noConfiguration }
        return needsKeyframe && !decoded.isKeyframe ? .beforeKeyframe : nil
    }

    private func sample(
        _ decoded: DecodedFrame,
        _ frame: MediaPacket.Frame,
        at timestamp: UInt32
    ) -> SourceSample {
        SourceSample(
            track: id,
            generation: lastGeneration,
            timestamp: timestamp,
            nanosecondOffset: frame.nanosecondOffset,
            compositionTime: frame.compositionTime,
            duration: decoded.duration,
            isKeyframe: decoded.isKeyframe,
            isDiscardable: decoded.isDiscardable || frame.isDisposable,
            temporalLayer: decoded.temporalLayer,
            beginsGeneration: beginsGeneration,
            payload: decoded.payload
        )
    }

    /// Makes the next generation, unless the decoder would see no difference.
    private func renew(_ frameRate: Double?, into outputs: inout [TrackOutput]) {
        guard var new = decoding?.configuration(track: id, generation: lastGeneration) else { return }
        if var video = new.video, video.frameRate == nil, let frameRate {
            video.frameRate = frameRate
            new.kind = .video(video)
        }
        guard new != configuration else { return }
        guard lastGeneration < Self.generationLimit else {
            configuration = nil
            return
        }
        lastGeneration += 1
        new.generation = lastGeneration
        configuration = new
        beginsGeneration = true
        needsKeyframe = true
        outputs.append(.configured(new))
    }
}
