/// A payload type of a section and what it stands for: `rtpmap`, `fmtp` and `rtcp-fb` together.
public struct OfferedCodec: Equatable, Sendable {
    /// The payload type, 0 to 127.
    public var payloadType: UInt8
    /// The name in lower case, like `h264`.
    public var name: String
    /// Ticks a second of the RTP time.
    public var clockRate: UInt32
    /// The number of channels, of sound.
    public var channelCount: Int
    /// The parameters of the format in the order of their line, names in lower case.
    public var parameters: [Parameter]
    /// The feedback messages, like `nack pli`.
    public var feedback: [String]

    /// One parameter of a format.
    public struct Parameter: Equatable, Sendable {
        /// What stands before the equals sign.
        public var name: String
        /// What stands behind it.
        public var value: String

        /// Creates a parameter.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a codec.
    public init(
        payloadType: UInt8,
        name: String,
        clockRate: UInt32,
        channelCount: Int = 1,
        parameters: [Parameter] = [],
        feedback: [String] = []
    ) {
        self.payloadType = payloadType
        self.name = name
        self.clockRate = clockRate
        self.channelCount = channelCount
        self.parameters = parameters
        self.feedback = feedback
    }

    /// The value of a parameter.
    public func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// The payload type that a retransmission format repairs.
    public var repairedPayloadType: UInt8? {
        name == "rtx" ? parameter("apt").flatMap { UInt8($0) } : nil
    }

    /// The parameters as the value of `fmtp` has them.
    var parameterText: String {
        parameters.map { $0.name.isEmpty ? $0.value : "\($0.name)=\($0.value)" }.joined(separator: ";")
    }
}

extension OfferedCodec {
    /// Reads all payload types of a section, in the order of its `m=` line.
    static func all(in media: SDPDocument.Media) -> [OfferedCodec] {
        var codecs: [OfferedCodec] = []
        for format in media.formats {
            guard let number = UInt8(format), number < 128 else { continue }
            guard !codecs.contains(where: { $0.payloadType == number }) else { continue }
            guard var codec = declared(number, in: media) ?? fixed[number] else { continue }
            codec.readDetails(in: media)
            codecs.append(codec)
        }
        return codecs
    }

    /// The formats whose payload type says what they are (RFC 3551).
    private static let fixed: [UInt8: OfferedCodec] = [
        0: OfferedCodec(payloadType: 0, name: "pcmu", clockRate: 8000),
        8: OfferedCodec(payloadType: 8, name: "pcma", clockRate: 8000),
        9: OfferedCodec(payloadType: 9, name: "g722", clockRate: 8000),
    ]

    private static func declared(_ number: UInt8, in media: SDPDocument.Media) -> OfferedCodec? {
        for value in media.attributes.values(of: "rtpmap") {
            guard let encoding = rest(of: value, for: number) else { continue }
            let fields = encoding.trimmed.parts(between: "/")
            guard fields.count >= 2, let rate = UInt32(fields[1]), rate > 0 else { return nil }
            let channels = fields.count > 2 ? Int(fields[2]) ?? 1 : 1
            return OfferedCodec(
                payloadType: number,
                name: fields[0].lowercased(),
                clockRate: rate,
                channelCount: min(max(channels, 1), 255)
            )
        }
        return nil
    }

    private mutating func readDetails(in media: SDPDocument.Media) {
        for attribute in media.attributes {
            guard let value = attribute.value else { continue }
            switch attribute.name {
            case "fmtp":
                guard let text = Self.rest(of: value, for: payloadType) else { continue }
                parameters = text.parts(between: ";").map(Parameter.init(text:))
            case "rtcp-fb":
                let text = Self.rest(of: value, for: payloadType) ?? Self.rest(of: value, after: "*")
                if let text, feedback.count < 32 { feedback.append(String(text.trimmed)) }
            default: continue
            }
        }
    }

    /// What follows the payload type at the front of a value.
    private static func rest(of value: String, for payloadType: UInt8) -> Substring? {
        rest(of: value, after: String(payloadType))
    }

    private static func rest(of value: String, after front: String) -> Substring? {
        let parts = value.splitOnce(at: " ")
        return parts.first == front ? parts.second : nil
    }
}

extension OfferedCodec.Parameter {
    fileprivate init(text: Substring) {
        let parts = text.trimmed.splitOnce(at: "=")
        if let value = parts.second {
            self.init(parts.first.trimmed.lowercased(), String(value.trimmed))
        } else {
            self.init("", String(parts.first))
        }
    }
}
