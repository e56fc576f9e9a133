import Bytes
import Contracts
import FoundationEssentials
import FuzzDriver
import HLS
import Media

/// Reads any bytes as the JSON of a session and of a track on the bus, and wants back what was read.
@main enum FuzzSessionDescriptions {
    static func main() {
        FuzzDriver.run { span in
            let data = Data([UInt8](copying: span))
            checkRepeats(SessionDescription.self, data)
            guard let description = checkRepeats(TrackDescription.self, data),
                let configuration = description.configuration
            else { return }
            precondition(TrackDescription(configuration).configuration == configuration)
            let rendition = MasterPlaylist.Rendition(
                configuration: configuration,
                uri: "0/live.m3u8",
                peakBitRate: 2,
                averageBitRate: 1
            )
            precondition(MasterPlaylist(renditions: [rendition]).text.hasPrefix("#EXTM3U\n"))
        }
    }

    @discardableResult private static func checkRepeats<Value: Codable & Equatable>(
        _ type: Value.Type,
        _ data: Data
    ) -> Value? {
        guard let value = try? JSONDecoder().decode(type, from: data) else { return nil }
        let again = (try? JSONEncoder().encode(value)).flatMap { try? JSONDecoder().decode(type, from: $0) }
        precondition(again == value)
        return value
    }
}
