import FuzzDriver
import RTMP

/// Reads any bytes as a video tag and as an audio tag.
@main enum FuzzFLVTags {
    static func main() {
        FuzzDriver.run { bytes in
            var body: [UInt8] = []
            for index in bytes.indices { body.append(bytes[index]) }
            let video = (try? VideoTag.packets(in: body)) ?? []
            let audio = (try? AudioTag.packets(in: body)) ?? []
            precondition(video.count <= TagFailure.maximumTrackCount)
            precondition(audio.count <= TagFailure.maximumTrackCount)
        }
    }
}
