import Bytes

/// What the header extensions of one packet say, of the kinds this module knows.
public struct HeaderExtensions: Sendable, Equatable {
    /// The longest MID or RID that is taken.
    public static let maximumNameByteCount = 32

    /// How long the receiver may hold the picture back, in steps of 10 ms up to 40.95 s.
    public struct PlayoutDelay: Sendable, Equatable {
        /// The shortest delay, in 10 ms; twelve bits.
        public var minimum: UInt16
        /// The longest delay, in 10 ms; twelve bits.
        public var maximum: UInt16

        /// Creates a delay.
        public init(minimum: UInt16, maximum: UInt16) {
            self.minimum = minimum
            self.maximum = maximum
        }
    }

    /// When the first byte of the payload was captured.
    public struct AbsoluteCaptureTime: Sendable, Equatable {
        /// The time in NTP's format, by the clock of the one who captured.
        public var time: UInt64
        /// The clock of the one who captured minus that of the sender's reports, in 2⁻³² s.
        public var clockOffset: Int64?

        /// Creates a time.
        public init(time: UInt64, clockOffset: Int64? = nil) {
            self.time = time
            self.clockOffset = clockOffset
        }
    }

    /// The media section.
    public var mid: String?
    /// The simulcast layer.
    public var rid: String?
    /// The simulcast layer that is repaired.
    public var repairedRID: String?
    /// When the packet left, in 2⁻¹⁸ s, 24 bits, wrapping each 64 s.
    public var absoluteSendTime: UInt32?
    /// The number of the packet among those of all streams.
    public var transportSequenceNumber: UInt16?
    /// How long the receiver may hold the picture back.
    public var playoutDelay: PlayoutDelay?
    /// When it was captured.
    public var absoluteCaptureTime: AbsoluteCaptureTime?
    /// The level of the sound: speech in the top bit, -dBov in the others.
    public var audioLevel: UInt8?
    /// Camera, flip and rotation.
    public var videoOrientation: UInt8?

    /// Creates a set without any.
    public init() {}

    /// Reads those of `packet` that `ids` know; elements of a wrong length are left out.
    ///
    /// - Precondition: `bytes` are those that the packet was parsed from.
    public init(of packet: RTPPacket, in bytes: Span<UInt8>, ids: HeaderExtensionIDs) {
        var cursor = HeaderExtensionCursor(packet)
        while let element = cursor.next(in: bytes) {
            guard let kind = ids.kind(of: element.id) else { continue }
            read(kind, bytes.extracting(element.range))
        }
    }

    private mutating func read(_ kind: HeaderExtensionKind, _ data: Span<UInt8>) {
        switch (kind, data.count) {
        case (.mid, _): mid = Self.name(data)
        case (.rid, _): rid = Self.name(data)
        case (.repairedRID, _): repairedRID = Self.name(data)
        case (.absoluteSendTime, 3):
            absoluteSendTime = UInt32(data[0]) << 16 | UInt32(data.bigEndian16(at: 1))
        // Version 2 of the draft has two bytes more, of which nothing is needed.
        case (.transportSequenceNumber, 2), (.transportSequenceNumber, 4):
            transportSequenceNumber = data.bigEndian16(at: 0)
        case (.playoutDelay, 3):
            let both = UInt32(data[0]) << 16 | UInt32(data.bigEndian16(at: 1))
            playoutDelay = PlayoutDelay(minimum: UInt16(both >> 12), maximum: UInt16(both & 0xfff))
        case (.absoluteCaptureTime, 8), (.absoluteCaptureTime, 16): readCaptureTime(data)
        case (.audioLevel, 1): audioLevel = data[0]
        case (.videoOrientation, 1): videoOrientation = data[0]
        default: break
        }
    }

    private mutating func readCaptureTime(_ data: Span<UInt8>) {
        let time = UInt64(data.bigEndian32(at: 0)) << 32 | UInt64(data.bigEndian32(at: 4))
        absoluteCaptureTime = AbsoluteCaptureTime(time: time)
        guard data.count == 16 else { return }
        let offset = UInt64(data.bigEndian32(at: 8)) << 32 | UInt64(data.bigEndian32(at: 12))
        absoluteCaptureTime?.clockOffset = Int64(bitPattern: offset)
    }

    /// Reads a MID or RID, of which the grammars allow printable ASCII only (RFC 8852 §3, RFC 5888 §4).
    private static func name(_ data: Span<UInt8>) -> String? {
        guard (1...maximumNameByteCount).contains(data.count) else { return nil }
        var name = ""
        for index in data.indices {
            guard (0x21...0x7e).contains(data[index]) else { return nil }
            name.unicodeScalars.append(Unicode.Scalar(data[index]))
        }
        return name
    }
}
