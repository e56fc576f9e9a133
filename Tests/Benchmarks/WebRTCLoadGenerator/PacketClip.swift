import Codecs
import LoadClip
import RTMP
import RTP

/// The pictures of a clip, cut into payloads once for all publishers.
struct PacketClip {
    /// The ways a clip can be of no use here.
    enum Failure: Error { case holdsNoH264 }

    /// One access unit.
    struct Picture {
        /// From the beginning of the clip.
        var milliseconds: UInt32
        var payloads: [[UInt8]]
    }

    private static let payloadByteLimit = 1144

    private(set) var pictures: [Picture] = []
    /// After which the first picture follows the last again.
    let milliseconds: UInt32

    init(_ clip: Clip) throws {
        milliseconds = clip.duration
        var packetiser = H264Packetiser(maximumPayloadByteCount: Self.payloadByteLimit)
        var run = PayloadRun()
        for message in clip.headers + clip.frames where message.kind == .video {
            switch try VideoTag.packets(in: message.payload).first?.content {
            case .sequenceStart(let record): packetiser.use(try H264Configuration(record: Array(record)))
            case .coded(let frame):
                run.removeAll()
                try packetiser.packetise(frame.payload.span, into: &run)
                let payloads = (0..<run.count).map { run[$0] }
                pictures.append(Picture(milliseconds: message.timestamp, payloads: payloads))
            default: break
            }
        }
        if pictures.isEmpty { throw Failure.holdsNoH264 }
    }
}
