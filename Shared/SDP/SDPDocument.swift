/// A session description (RFC 8866) as lines, without meaning: what was read, or what is to be written.
public struct SDPDocument: Equatable, Sendable {
    /// One `a=` line.
    public struct Attribute: Equatable, Sendable {
        /// What stands before the colon.
        public var name: String
        /// What stands behind it, where there is one.
        public var value: String?

        /// Creates an attribute.
        public init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// An `m=` line and what belongs to it.
    public struct Media: Equatable, Sendable {
        /// `audio`, `video`, `application` or another word.
        public var kind: String
        /// The port; 0 refuses the section, or leaves it to the bundle.
        public var port: UInt16
        /// The transport, like `UDP/TLS/RTP/SAVPF`.
        public var transport: String
        /// The formats: payload types of RTP.
        public var formats: [String]
        /// The value of the last `c=` line.
        public var connection: String?
        /// The `a=` lines.
        public var attributes: [Attribute]

        /// Creates a section.
        public init(
            kind: String,
            port: UInt16,
            transport: String,
            formats: [String],
            connection: String? = nil,
            attributes: [Attribute] = []
        ) {
            self.kind = kind
            self.port = port
            self.transport = transport
            self.formats = formats
            self.connection = connection
            self.attributes = attributes
        }
    }

    /// How much is read; more is refused.
    public enum Limits {
        /// Bytes of a description; browsers offer 3 to 12 kB.
        public static let byteCount = 64 << 10
        /// Bytes of a line.
        public static let lineByteCount = 4096
        /// Lines of a description.
        public static let lineCount = 2048
        /// `m=` lines.
        public static let mediaCount = 32
        /// Formats of an `m=` line.
        public static let formatCount = 128
    }

    /// The value of the `o=` line.
    public var origin: String
    /// The value of the `s=` line.
    public var name: String
    /// The `a=` lines before the first section.
    public var attributes: [Attribute]
    /// The sections.
    public var media: [Media]

    /// Creates a description.
    public init(origin: String, name: String = "-", attributes: [Attribute] = [], media: [Media] = []) {
        self.origin = origin
        self.name = name
        self.attributes = attributes
        self.media = media
    }
}

extension Sequence<SDPDocument.Attribute> {
    /// The value of the first attribute called `name`; empty where it has none.
    public func value(of name: String) -> String? {
        first { $0.name == name }.map { $0.value ?? "" }
    }

    /// The values of all attributes called `name`.
    public func values(of name: String) -> [String] {
        filter { $0.name == name }.map { $0.value ?? "" }
    }

    /// Whether there is an attribute called `name`.
    public func has(_ name: String) -> Bool { contains { $0.name == name } }
}
