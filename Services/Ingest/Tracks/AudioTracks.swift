import Codecs
import Media
import RTMP

/// AAC, raw behind an AudioSpecificConfig or in ADTS frames.
struct AACTrack: TrackDecoding {
    private var current: AACConfiguration?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try AACConfiguration(record.span)
        defer { current = new }
        return new != current
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        var payload = frame.payload
        var changed = false
        // Raw frames never begin with the twelve bits of ADTS: no element of AAC starts like that.
        if let header = ADTSHeader(payload.span), let implied = header.configuration {
            changed = !isCore(implied)
            if changed { current = implied }
            payload = payload.dropFirst(header.byteCount)
        }
        let duration = UInt32(current?.samplesPerFrame ?? 0)
        return (DecodedFrame(payload: Array(payload), duration: duration), changed)
    }

    /// Whether the sound is what a frame's own header says; what is made of it by doubling the header hides.
    private func isCore(_ implied: AACConfiguration) -> Bool {
        current?.coreSampleRate == implied.coreSampleRate
            && current?.coreChannelCount == implied.coreChannelCount
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(track: track, generation: generation)
    }
}

/// Opus, with or without its identification header.
struct OpusTrack: TrackDecoding {
    private var current: OpusConfiguration?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try OpusConfiguration(identificationHeader: record.span)
        defer { current = new }
        return new != current
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        guard let first = frame.payload.first, let count = OpusPacket.sampleCount(of: frame.payload.span)
        else {
            throw .truncated
        }
        let changed = current == nil
        if changed { current = OpusConfiguration(channelCount: first & 4 == 0 ? 1 : 2) }
        return (DecodedFrame(payload: Array(frame.payload), duration: UInt32(count)), changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(track: track, generation: generation)
    }
}

/// FLAC behind its stream information.
struct FLACTrack: TrackDecoding {
    private var current: FLACConfiguration?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try FLACConfiguration(header: record.span)
        defer { current = new }
        return new != current
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let duration = UInt32(current?.samplesPerFrame ?? 0)
        return (DecodedFrame(payload: Array(frame.payload), duration: duration), false)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(track: track, generation: generation)
    }
}

/// AC-3 and E-AC-3, whose every frame tells what it is.
struct AC3Track: TrackDecoding {
    private var current: AC3Header?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool { false }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let header = try AC3Header(frame: frame.payload.span)
        let changed =
            header.sampleRate != current?.sampleRate || header.channelCount != current?.channelCount
            || header.isEnhanced != current?.isEnhanced
        if changed { current = header }
        let duration = UInt32(header.samplesPerFrame)
        return (DecodedFrame(payload: Array(frame.payload), duration: duration), changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(track: track, generation: generation)
    }
}

/// MP3, whose every frame tells what it is.
struct MP3Track: TrackDecoding {
    private var current: MP3Header?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool { false }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let header = try MP3Header(frame: frame.payload.span)
        let changed =
            header.sampleRate != current?.sampleRate || header.channelCount != current?.channelCount
        if changed { current = header }
        let duration = UInt32(header.samplesPerFrame)
        return (DecodedFrame(payload: Array(frame.payload), duration: duration), changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(track: track, generation: generation)
    }
}

/// G.711, one channel at 8 kHz, a byte for each sample.
struct G711Track: TrackDecoding {
    private static let sampleRate = 8000
    /// A packet of more than a second is none: everything that is made of the sound would wait for it.
    private static let longestPacket = sampleRate

    let codec: Codec
    private var hasBegun = false

    init(codec: Codec) { self.codec = codec }

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool { false }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        guard frame.payload.count <= Self.longestPacket else {
            throw .invalid(field: .frameLength, value: frame.payload.count)
        }
        defer { hasBegun = true }
        let duration = UInt32(clamping: frame.payload.count)
        return (DecodedFrame(payload: Array(frame.payload), duration: duration), changed: !hasBegun)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        guard hasBegun else { return nil }
        return TrackConfiguration(
            track: track,
            generation: generation,
            codec: codec,
            timescale: UInt32(Self.sampleRate),
            decoderConfiguration: [],
            codecString: codec.rawValue,
            kind: .audio(.init(sampleRate: Self.sampleRate, channelCount: 1))
        )
    }
}
