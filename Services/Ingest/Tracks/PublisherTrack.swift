import Codecs
import Media
import RTMP

/// One track of a publisher: packets in, configurations and samples out.
struct PublisherTrack: Sendable {
    /// The number on the bus.
    let id: TrackID
    /// The newest configuration that was given out.
    private(set) var configuration: TrackConfiguration?

    private var fourCC: FourCC?
    private var decoding: (any TrackDecoding)?
    private var record: ArraySlice<UInt8> = []
    private var lastGeneration: UInt16
    private var needsKeyframe = true
    private var beginsGeneration = false

    /// Creates a track whose configurations are numbered from `lastGeneration` + 1.
    init(id: TrackID, lastGeneration: UInt16 = 0) {
        self.id = id
        self.lastGeneration = lastGeneration
    }

    /// Takes one packet.
    ///
    /// - Parameters:
    ///   - timestamp: The decode time of its message on the publisher's clock, in milliseconds.
    ///   - frameRate: What the publisher's metadata claims, used where the bitstream says nothing.
    mutating func take(_ packet: MediaPacket, at timestamp: UInt32, frameRate: Double?) -> [TrackOutput] {
        guard let codec = packet.codec.codec else { return [.dropped(.unsupportedCodec)] }
        if packet.codec != fourCC { change(to: codec, packet.codec) }
        switch packet.content {
        case .sequenceStart(let bytes): return configure(bytes, frameRate)
        case .coded(let frame): return decode(frame, at: timestamp, frameRate)
        case .ignored(.empty): return [.dropped(.empty)]
        case .ignored(.legacyCodec): return [.dropped(.unsupportedCodec)]
        case .sequenceEnd, .metadata, .channels, .ignored: return []
        }
    }

    private mutating func change(to codec: Codec, _ fourCC: FourCC) {
        self.fourCC = fourCC
        decoding = codec.decoding
        record = []
        needsKeyframe = true
    }

    private mutating func configure(_ bytes: ArraySlice<UInt8>, _ frameRate: Double?) -> [TrackOutput] {
        // Encoders repeat the record with every keyframe; only other bytes say something.
        guard bytes != record else { return [] }
        do throws(CodecFailure) {
            let changed = try decoding?.configure(bytes) ?? false
            record = bytes
            return changed ? renew(frameRate) : []
        } catch {
            return [.dropped(.badConfiguration)]
        }
    }

    private mutating func decode(
        _ frame: MediaPacket.Frame,
        at timestamp: UInt32,
        _ frameRate: Double?
    ) -> [TrackOutput] {
        var outputs: [TrackOutput] = []
        let decoded: DecodedFrame
        do throws(CodecFailure) {
            guard let result = try decoding?.decode(frame) else { return [] }
            decoded = result.0
            if result.changed { outputs = renew(frameRate) }
        } catch {
            return [.dropped(.badPayload)]
        }
        guard !decoded.payload.isEmpty else { return outputs + [.dropped(.empty)] }
        guard configuration != nil else { return outputs + [.dropped(.noConfiguration)] }
        if needsKeyframe, !decoded.isKeyframe { return outputs + [.dropped(.beforeKeyframe)] }
        needsKeyframe = false
        outputs.append(.sample(sample(decoded, frame, at: timestamp)))
        beginsGeneration = false
        return outputs
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
    private mutating func renew(_ frameRate: Double?) -> [TrackOutput] {
        guard var new = decoding?.configuration(track: id, generation: lastGeneration) else { return [] }
        if var video = new.video, video.frameRate == nil, let frameRate {
            video.frameRate = frameRate
            new.kind = .video(video)
        }
        guard new != configuration else { return [] }
        lastGeneration &+= 1
        new.generation = lastGeneration
        configuration = new
        beginsGeneration = true
        needsKeyframe = true
        return [.configured(new)]
    }
}
