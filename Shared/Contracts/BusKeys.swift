/// The names of the keys on the media bus.
public enum BusKeys {
    /// The streams' hash tags: Redis Cluster keeps the keys of one bucket on one node.
    public static let bucketCount: UInt32 = 64
    /// The sorted set of the live streams, scored by the milliseconds since 1970 of the last heartbeat.
    public static let live = "live"
    /// The stream that tells of sessions as they open, change and end.
    public static let announce = "announce"
    /// The entries that ``announce`` keeps, about.
    public static let announceLength = 4096

    /// The sorted set of the renditions that somebody wants, named as ``BusStreamName`` says, scored by the
    /// milliseconds since 1970 at which the last want runs out; workers read it.
    public static let wanted = "wanted"
    /// The stream that wakes workers when a rendition is wanted that was not before.
    public static let wants = "wants"
    /// The entries that ``wants`` keeps, about.
    public static let wantsLength = 256
    /// The field of ``wants`` that holds the name of the rendition.
    public static let wantsField = "rendition"

    /// The bucket of a stream, `b00` to `b63`, by FNV-1a of its ID.
    public static func bucket(of streamID: String) -> String {
        let number = streamID.fnv1a % bucketCount
        return number < 10 ? "b0\(number)" : "b\(number)"
    }

    /// The stream of the publisher's samples.
    public static func media(_ streamID: String) -> String { media(BusStreamName(streamID)) }

    /// The stream of the samples of a publisher or a rendition.
    public static func media(_ name: BusStreamName) -> String { key("media", name) }

    /// The hash of the session's description and of every configuration in the ring.
    public static func tracks(_ streamID: String) -> String { tracks(BusStreamName(streamID)) }

    /// The hash of the description and of every configuration in the ring, of a publisher or a rendition.
    public static func tracks(_ name: BusStreamName) -> String { key("tracks", name) }

    /// The lease of the worker that makes a rendition.
    public static func lease(_ name: BusStreamName) -> String { key("lease", name) }

    /// The number that gives the makers of a rendition their epochs.
    public static func epoch(_ name: BusStreamName) -> String { key("epoch", name) }

    /// How often the making of a rendition has been begun of late without coming to an end.
    public static func attempts(_ name: BusStreamName) -> String { key("attempts", name) }

    /// The string that holds the epoch while the publisher is not silent.
    public static func publisher(_ streamID: String) -> String { key("publisher", BusStreamName(streamID)) }

    /// The set of what readers ask of the publisher.
    public static func ask(_ streamID: String) -> String { key("ask", BusStreamName(streamID)) }

    /// The sorted set of who wants which rendition of a stream: `<rendition>/<replica>`, scored by the
    /// milliseconds since 1970 at which the want runs out.
    public static func want(_ streamID: String) -> String { key("want", BusStreamName(streamID)) }

    /// The field of ``tracks(_:)`` that holds a ``SessionDescription``.
    public static let sessionField = "session"

    /// The field of ``tracks(_:)`` that holds a ``TrackDescription``.
    public static func trackField(track: UInt16, generation: UInt16) -> String { "\(track).\(generation)" }

    /// The lease of the origin that owns a stream, on the control Redis.
    public static func originLease(_ streamID: String) -> String { "lease:origin:\(streamID)" }

    private static func key(_ kind: String, _ name: BusStreamName) -> String {
        "\(kind):{\(bucket(of: name.streamID))}:\(name)"
    }
}

/// What an entry of ``BusKeys/announce`` tells about a stream.
public enum Announcement: String, Sendable, CaseIterable {
    /// A session has been opened, or its publisher has come back in a new epoch.
    case opened
    /// The tracks or their configurations have changed.
    case tracks
    /// The publisher is gone and may come back.
    case away
    /// The publisher is back in the same epoch.
    case back
    /// The session is over.
    case ended
    /// A rendition has a writer now; ``renditionField`` names it.
    case rendition

    /// The field of the stream's ID.
    public static let streamField = "stream"
    /// The field of the announcement.
    public static let whatField = "what"
    /// The field of the rendition.
    public static let renditionField = "rendition"
}

extension String {
    /// The FNV-1a hash of the text.
    var fnv1a: UInt32 { utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 } }
}
