import Media
import RTMP

/// Every track of one publisher: messages in, configurations and samples out.
struct PublisherTracks: Sendable {
    /// The most tracks of one publisher.
    static let maximumCount = 16

    private struct Key: Hashable {
        var isVideo: Bool
        var number: UInt8
    }

    private var tracks: [Key: PublisherTrack] = [:]
    private var generations: [TrackID: UInt16]
    private var nextFurther = TrackID.firstFurther
    private var frameRate: Double?
    /// Packets that did not become samples, by reason.
    private(set) var dropped: [DroppedPacket: UInt64] = [:]

    /// Creates the tracks of a publisher.
    ///
    /// - Parameter generations: The last generation of each track in earlier epochs of the session.
    init(continuing generations: [TrackID: UInt16] = [:]) { self.generations = generations }

    /// The tracks that `metadata` announces, after taking its frame rate as a hint.
    mutating func take(metadata: AMF0Value) -> Set<TrackID> {
        if let rate = (metadata["framerate"] ?? metadata["fps"])?.number, rate >= 1, rate <= 240 {
            frameRate = rate
        }
        var announced: Set<TrackID> = []
        if metadata["videocodecid"] != nil { announced.insert(.video) }
        if metadata["audiocodecid"] != nil { announced.insert(.audio) }
        return announced
    }

    /// Takes a message of media.
    mutating func take(_ message: MediaMessage) -> [TrackOutput] {
        let isVideo = message.kind == .video
        let packets: [MediaPacket]
        do throws(TagFailure) {
            packets =
                isVideo
                ? try VideoTag.packets(in: message.payload) : try AudioTag.packets(in: message.payload)
        } catch {
            return count([.dropped(.malformedTag)])
        }
        var outputs: [TrackOutput] = []
        for packet in packets { outputs += take(packet, isVideo: isVideo, at: message.timestamp) }
        return count(outputs)
    }

    private mutating func take(_ packet: MediaPacket, isVideo: Bool, at timestamp: UInt32) -> [TrackOutput] {
        let key = Key(isVideo: isVideo, number: packet.trackID)
        if tracks[key] == nil {
            guard packet.codec.codec != nil else { return [.dropped(.unsupportedCodec)] }
            guard let id = id(for: key) else { return [.dropped(.tooManyTracks)] }
            tracks[key] = PublisherTrack(id: id, lastGeneration: generations[id] ?? 0)
        }
        return tracks[key]?.take(packet, at: timestamp, frameRate: frameRate) ?? []
    }

    private mutating func id(for key: Key) -> TrackID? {
        guard tracks.count < Self.maximumCount else { return nil }
        if key.number == 0 { return key.isVideo ? .video : .audio }
        defer { nextFurther += 1 }
        return TrackID(rawValue: nextFurther)
    }

    private mutating func count(_ outputs: [TrackOutput]) -> [TrackOutput] {
        for case .dropped(let reason) in outputs { dropped[reason, default: 0] &+= 1 }
        return outputs
    }
}
