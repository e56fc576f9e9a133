import Codecs
import Media

/// Feeds the same bytes to every parser of the module.
enum EveryParser {
    static func run(_ bytes: [UInt8]) {
        let span = bytes.span
        let track = TrackID(rawValue: 0)
        _ = try? H264Configuration(record: span).trackConfiguration(track: track, generation: 1)
        _ = try? H264SequenceParameters(nalUnit: span)
        _ = try? H264AccessUnit(lengthPrefixed: span, lengthSize: 2)
        _ = try? H264AccessUnit(annexB: span)
        _ = try? HEVCConfiguration(record: span).trackConfiguration(track: track, generation: 1)
        _ = try? HEVCSequenceParameters(nalUnit: span)
        _ = try? HEVCAccessUnit(lengthPrefixed: span, lengthSize: 1)
        _ = try? HEVCAccessUnit(annexB: span)
        _ = try? AV1Configuration(record: span).trackConfiguration(track: track, generation: 1)
        _ = try? AV1AccessUnit(temporalUnit: span)
        _ = try? VPConfiguration(record: span).record
        _ = try? VP9KeyframeHeader(frame: span)
        _ = try? VP8KeyframeHeader(frame: span)
        _ = try? AACConfiguration(span).trackConfiguration(track: track, generation: 1)
        _ = ADTSHeader(span)?.configuration
        _ = try? OpusConfiguration(identificationHeader: span).record
        _ = try? OpusConfiguration(record: span).record
        _ = OpusPacket.sampleCount(of: span)
        _ = try? MP3Header(frame: span).trackConfiguration(track: track, generation: 1)
        _ = try? AC3Header(frame: span).trackConfiguration(track: track, generation: 1)
        _ = try? FLACConfiguration(header: span).trackConfiguration(track: track, generation: 1)
    }
}
