import Contracts
import FoundationEssentials
import Media
import Redis

/// The tracks key of a stream, to and from JSON.
struct BusDescription: Sendable, Equatable {
    var session: SessionDescription
    var tracks: [TrackConfiguration]

    /// The first video track of the current set, at whose keyframes readers can begin.
    var leader: TrackID? {
        let current = Set(session.tracks.map(\.track))
        return tracks.filter { $0.isVideo && current.contains($0.track.rawValue) }.map(\.track).min()
    }

    /// The command that writes the description over what is there.
    func storing(under name: BusStreamName) -> RedisCommand? {
        guard let session = Self.json(session) else { return nil }
        var words: [any RedisArgument] = ["HSET", BusKeys.tracks(name), BusKeys.sessionField, session]
        for track in tracks {
            guard let description = Self.json(TrackDescription(track)) else { return nil }
            words.append(BusKeys.trackField(track: track.track.rawValue, generation: track.generation))
            words.append(description)
        }
        return RedisCommand(arguments: words)
    }

    /// Reads the reply to HGETALL; `nil` where there is no session.
    ///
    /// Configurations that this code does not understand are left out.
    init?(reply: RedisValue) {
        guard let pairs = reply.pairs,
            let session = pairs.first(where: { $0.name == BusKeys.sessionField }).flatMap({
                Self.session($0.value)
            })
        else { return nil }
        self.session = session
        tracks = pairs.compactMap { pair in
            guard pair.name != BusKeys.sessionField, let bytes = pair.value.bytes else { return nil }
            return try? JSONDecoder().decode(TrackDescription.self, from: Data(bytes)).configuration
        }
        tracks.sort { ($0.track, $0.generation) < ($1.track, $1.generation) }
    }

    init(session: SessionDescription, tracks: [TrackConfiguration]) {
        self.session = session
        self.tracks = tracks
    }

    /// Reads the field of the session alone.
    static func session(_ value: RedisValue) -> SessionDescription? {
        guard let bytes = value.bytes else { return nil }
        return try? JSONDecoder().decode(SessionDescription.self, from: Data(bytes))
    }

    private static func json(_ value: some Encodable) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { Array($0) }
    }
}
