@testable import Ingest
import Bytes
import Media
import RTMP

/// FLV tags as encoders write them, and the configurations in them.
enum Tags {
    /// x264, High, 1280×720.
    static let high = bytes(
        "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800"
    )
    /// x264, constrained baseline, 640×360.
    static let baseline = bytes(
        "0142c01effe100196742c01ed900a02ff97011000003000100000300320f162e4801000568cb83cb20"
    )
    /// AAC LC, 48 kHz stereo.
    static let aac = bytes("1190")

    static func bytes(_ text: String) -> [UInt8] { Hex.decode(text) ?? [] }

    static func videoHeader(_ record: [UInt8], at timestamp: UInt32 = 0) -> MediaMessage {
        MediaMessage(.video, timestamp: timestamp, payload: [0x17, 0, 0, 0, 0] + record)
    }

    static func audioHeader(_ configuration: [UInt8] = aac, at timestamp: UInt32 = 0) -> MediaMessage {
        MediaMessage(.audio, timestamp: timestamp, payload: [0xaf, 0] + configuration)
    }

    /// A keyframe, or a picture that others reference.
    static func picture(isKeyframe: Bool, at timestamp: UInt32, composition: Int32 = 0) -> MediaMessage {
        let slice: [UInt8] = isKeyframe ? [0x65, 0x88, 0x84] : [0x41, 0x9a, 0x24]
        return picture(slice, isKeyframe: isKeyframe, at: timestamp, composition: composition)
    }

    static func picture(
        _ units: [UInt8]...,
        isKeyframe: Bool,
        at timestamp: UInt32,
        composition: Int32 = 0
    ) -> MediaMessage {
        let time = [16, 8, 0].map { UInt8(truncatingIfNeeded: composition >> $0) }
        let body: [UInt8] = units.flatMap { unit -> [UInt8] in [0, 0, 0, UInt8(unit.count)] + unit }
        return MediaMessage(
            .video,
            timestamp: timestamp,
            payload: [isKeyframe ? 0x17 : 0x27, 1] + time + body
        )
    }

    static func sound(at timestamp: UInt32) -> MediaMessage {
        MediaMessage(.audio, timestamp: timestamp, payload: [0xaf, 1, 0x21, 0x10, 0x04])
    }
}

extension [TrackOutput] {
    var samples: [SourceSample] { compactMap { if case .sample(let sample) = $0 { sample } else { nil } } }

    var configurations: [TrackConfiguration] {
        compactMap { if case .configured(let configuration) = $0 { configuration } else { nil } }
    }

    var undecodable: [Codec] {
        compactMap { if case .undecodable(let codec) = $0 { codec } else { nil } }
    }

    var drops: [DroppedPacket] { compactMap { if case .dropped(let reason) = $0 { reason } else { nil } } }
}

extension PublisherTracks {
    mutating func take(_ message: MediaMessage) -> [TrackOutput] {
        var outputs: [TrackOutput] = []
        take(message, into: &outputs)
        return outputs
    }
}
