import Media
import RTMP

/// Every track of one publisher: messages in, configurations and samples out.
struct PublisherTracks {
    /// The most tracks of one publisher.
    static let maximumCount = 16

    private struct Key: Equatable {
        var isVideo: Bool
        var number: UInt8
    }

    // Few tracks, looked up for every packet: an array is searched faster than a table, and changed in place.
    private var keys: [Key] = []
    private var tracks: [PublisherTrack] = []
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

    /// Takes a message of media and appends what becomes of it to `outputs`.
    mutating func take(_ message: MediaMessage, into outputs: inout [TrackOutput]) {
        let isVideo = message.kind == .video
        do throws(TagFailure) {
            let packets =
                isVideo
                ? try VideoTag.packets(in: message.payload) : try AudioTag.packets(in: message.payload)
            for packet in packets { take(packet, isVideo: isVideo, at: message.timestamp, into: &outputs) }
        } catch {
            outputs.append(drop(.malformedTag))
        }
    }

    /// Takes one packet and appends what becomes of it to `outputs`.
    mutating func take(
        _ packet: MediaPacket,
        isVideo: Bool,
        at timestamp: UInt32,
        into outputs: inout [TrackOutput]
    ) {
        let key = Key(isVideo: isVideo, number: packet.trackID)
        guard let index = keys.firstIndex(of: key) ?? add(key, packet.codec, into: &outputs) else { return }
        let before = outputs.count
        tracks[index].take(packet, at: timestamp, frameRate: frameRate, into: &outputs)
        for case .dropped(let reason) in outputs[before...] { dropped[reason, default: 0] &+= 1 }
    }

    private mutating func add(_ key: Key, _ codec: FourCC, into outputs: inout [TrackOutput]) -> Int? {
        guard codec.codec != nil else {
            outputs.append(drop(.unsupportedCodec))
            return nil
        }
        guard tracks.count < Self.maximumCount else {
            outputs.append(drop(.tooManyTracks))
            return nil
        }
        let id = id(for: key)
        keys.append(key)
        tracks.append(PublisherTrack(id: id, lastGeneration: generations[id] ?? 0))
        return tracks.count - 1
    }

    private mutating func id(for key: Key) -> TrackID {
        if key.number == 0 { return key.isVideo ? .video : .audio }
        defer { nextFurther += 1 }
        return TrackID(rawValue: nextFurther)
    }

    private mutating func drop(_ reason: DroppedPacket) -> TrackOutput {
        dropped[reason, default: 0] &+= 1
        return .dropped(reason)
    }
}
