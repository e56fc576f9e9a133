import Codecs
import Media
import RTMP

/// What one frame is, once its codec has been understood.
struct DecodedFrame {
    /// The coded bytes in the form of the bus; empty where there is nothing to show or hear.
    var payload: [UInt8]
    var isKeyframe = true
    var isDiscardable = false
    var temporalLayer: UInt8 = 0
    /// In the track's timescale; 0 where only the next sample tells.
    var duration: UInt32 = 0
}

/// Understands the packets of one codec of one track.
///
/// `configuration` makes the track's configuration of what has been seen so far, or `nil` while more is needed.
protocol TrackDecoding: Sendable {
    /// Takes a sequence header.
    ///
    /// - Returns: whether the configuration may have changed.
    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool

    /// Takes a coded frame.
    ///
    /// - Returns: the frame, and whether the configuration may have changed before it.
    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool)

    /// The configuration as the number `generation` of `track`, or `nil` while it is not complete.
    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration?
}

extension FourCC {
    /// The codec of the product, or `nil` for one that browsers do not play.
    var codec: Codec? {
        switch self {
        case .avc: .h264
        case .hevc: .hevc
        case .av1: .av1
        case .vp9: .vp9
        case .vp8: .vp8
        case .aac: .aac
        case .opus: .opus
        case .flac: .flac
        case .ac3: .ac3
        case .eac3: .eac3
        case .mp3: .mp3
        case .aLaw: .alaw
        case .muLaw: .mulaw
        default: nil
        }
    }
}

extension Codec {
    /// A decoder that has seen nothing yet.
    var decoding: any TrackDecoding {
        switch self {
        case .h264: H264Track()
        case .hevc: HEVCTrack()
        case .av1: AV1Track()
        case .vp9, .vp8: VPTrack(codec: self)
        case .aac: AACTrack()
        case .opus: OpusTrack()
        case .flac: FLACTrack()
        case .ac3, .eac3: AC3Track()
        case .mp3: MP3Track()
        case .alaw, .mulaw: G711Track(codec: self)
        }
    }
}
