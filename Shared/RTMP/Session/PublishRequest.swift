/// Names one question of a session to its shell.
public struct RequestID: RawRepresentable, Hashable, Sendable {
    /// Counts the questions of one session.
    public var rawValue: UInt32

    /// Creates an ID from a count.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// What a client said when it connected, as it wrote it.
public struct ConnectParameters: Sendable, Equatable {
    /// The application, with its query if it has one.
    public var app = ""
    /// The URL that the client was given, with everything in it.
    public var tcURL = ""
    /// The name and version of the client's library.
    public var flashVersion = ""
    /// Whether the client spoke of Enhanced RTMP.
    public var isEnhanced = false
    /// The codecs of Enhanced RTMP version 1; `*` is all.
    public var fourCCs: [String] = []
    /// The video codecs of version 2 and what the client can do with each (1 decode, 2 encode, 4 forward).
    public var videoFourCCs: [String: UInt32] = [:]
    /// The audio codecs of version 2 and what the client can do with each.
    public var audioFourCCs: [String: UInt32] = [:]
    /// What else the client can do.
    public var capabilities: Capabilities = []

    /// The bits of `capsEx`.
    public struct Capabilities: OptionSet, Sendable, Hashable {
        /// The bits on the wire.
        public var rawValue: UInt32

        /// Creates capabilities from the bits on the wire.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// It reconnects when the server asks it to.
        public static let reconnect = Capabilities(rawValue: 1)
        /// Several tracks in one message.
        public static let multitrack = Capabilities(rawValue: 2)
        /// Modifiers before a packet.
        public static let modEx = Capabilities(rawValue: 4)
        /// Nanoseconds on top of a timestamp.
        public static let timestampNanoOffset = Capabilities(rawValue: 8)
    }

    /// Creates the parameters of a client that said nothing.
    public init() {}

    /// Reads the object of `connect`.
    init(_ object: AMF0Value?) {
        app = object?["app"]?.string ?? ""
        tcURL = object?["tcUrl"]?.string ?? ""
        flashVersion = object?["flashVer"]?.string ?? ""
        fourCCs = Self.texts(object?["fourCcList"])
        videoFourCCs = Self.flags(object?["videoFourCcInfoMap"])
        audioFourCCs = Self.flags(object?["audioFourCcInfoMap"])
        capabilities = Capabilities(rawValue: Self.bits(object?["capsEx"]))
        isEnhanced = ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"]
            .contains { object?[$0] != nil }
    }

    private static func texts(_ value: AMF0Value?) -> [String] {
        guard case .strictArray(let values) = value else { return [] }
        return values.compactMap(\.string)
    }

    private static func flags(_ value: AMF0Value?) -> [String: UInt32] {
        let pairs = value?.properties?.map { ($0.key, bits($0.value)) } ?? []
        return Dictionary(pairs) { first, _ in first }
    }

    private static func bits(_ value: AMF0Value?) -> UInt32 {
        UInt32(exactly: value?.number ?? 0) ?? 0
    }
}

/// A client's wish to publish, for the shell to accept or reject.
public struct PublishRequest: Sendable, Equatable {
    /// The name of the question.
    public var id: RequestID
    /// What the client said when it connected.
    public var connect: ConnectParameters
    /// The stream key as the client wrote it, with its query.
    public var streamName: String
    /// `live`, `record` or `append`.
    public var publishType: String

    /// Creates a request.
    public init(id: RequestID, connect: ConnectParameters, streamName: String, publishType: String) {
        self.id = id
        self.connect = connect
        self.streamName = streamName
        self.publishType = publishType
    }

    /// The stream key wherever the encoder has put it: the stream name, or the last element of the
    /// application where the name is empty; with the query of the application or URL where it has none.
    public var streamKey: String {
        let (appPath, appQuery) = Self.split(connect.app)
        var (name, query) = Self.split(streamName)
        name = name.trimmingSlashes()
        if name.isEmpty, let slash = appPath.trimmingSlashes().firstIndex(of: "/") {
            name = appPath.trimmingSlashes()[slash...].split(separator: "/").last ?? ""
        }
        query = query ?? appQuery ?? Self.split(connect.tcURL).query
        return query.map { "\(name)?\($0)" } ?? String(name)
    }

    private static func split(_ text: String) -> (path: Substring, query: Substring?) {
        guard let mark = text.firstIndex(of: "?") else { return (text[...], nil) }
        return (text[..<mark], text[text.index(after: mark)...])
    }
}

extension Substring {
    fileprivate func trimmingSlashes() -> Substring {
        guard let first = firstIndex(where: { $0 != "/" }),
            let last = lastIndex(where: { $0 != "/" })
        else { return "" }
        return self[first...last]
    }
}
