import Codecs
import FuzzDriver
import Media

/// Reads any bytes as every kind of video configuration, parameter set and access unit.
@main enum FuzzParameterSets {
    private static let track = TrackID(rawValue: 0)

    static func main() {
        FuzzDriver.run { bytes in
            h264(bytes)
            hevc(bytes)
            others(bytes)
        }
    }

    private static func h264(_ bytes: Span<UInt8>) {
        _ = try? H264SequenceParameters(nalUnit: bytes)
        for lengthSize in [1, 2, 4] { _ = try? H264AccessUnit(lengthPrefixed: bytes, lengthSize: lengthSize) }
        _ = try? H264AccessUnit(annexB: bytes)
        guard let configuration = try? H264Configuration(record: bytes),
            let record = try? configuration.record()
        else { return }
        _ = try? configuration.trackConfiguration(track: track, generation: 1)
        let again = try? H264Configuration(record: record)
        precondition(again?.sequenceParameterSets == configuration.sequenceParameterSets)
        precondition(again?.pictureParameterSets == configuration.pictureParameterSets)
    }

    private static func hevc(_ bytes: Span<UInt8>) {
        _ = try? HEVCSequenceParameters(nalUnit: bytes)
        for lengthSize in [1, 2, 4] { _ = try? HEVCAccessUnit(lengthPrefixed: bytes, lengthSize: lengthSize) }
        _ = try? HEVCAccessUnit(annexB: bytes)
        guard let configuration = try? HEVCConfiguration(record: bytes),
            let record = try? configuration.record()
        else { return }
        _ = try? configuration.trackConfiguration(track: track, generation: 1)
        let again = try? HEVCConfiguration(record: record)
        precondition(again?.sequenceParameterSets == configuration.sequenceParameterSets)
        precondition(again?.pictureParameterSets == configuration.pictureParameterSets)
    }

    private static func others(_ bytes: Span<UInt8>) {
        _ = try? AV1Configuration(record: bytes).trackConfiguration(track: track, generation: 1)
        if let unit = try? AV1AccessUnit(temporalUnit: bytes), !unit.payload.isEmpty {
            let again = try? AV1AccessUnit(temporalUnit: unit.payload)
            precondition(again?.payload == unit.payload)
        }
        if let header = try? VP9KeyframeHeader(frame: bytes) { _ = VPConfiguration(keyframe: header).record }
        if let header = try? VP8KeyframeHeader(frame: bytes) { _ = VPConfiguration(keyframe: header).record }
        if let configuration = try? VPConfiguration(record: bytes) {
            _ = configuration.trackConfiguration(
                codec: .vp9,
                width: 640,
                height: 360,
                track: track,
                generation: 1
            )
        }
    }
}
