import Bytes

/// One RTCP packet of a kind that this module understands.
public enum RTCPPacket: Sendable, Equatable {
    /// How a sender's clocks relate, and what it has sent (RFC 3550 §6.4.1).
    case senderReport(SenderReport)
    /// What a receiver has got (RFC 3550 §6.4.2).
    case receiverReport(ReceiverReport)
    /// Who the sources are (RFC 3550 §6.5).
    case sourceDescription([SourceDescription])
    /// Sources that end (RFC 3550 §6.6).
    case goodbye([UInt32])
    /// Packets that are missed (RFC 4585 §6.2.1).
    case negativeAcknowledgement(NegativeAcknowledgement)
    /// Somebody needs a keyframe (RFC 4585 §6.3.1).
    case pictureLossIndication(PictureLossIndication)
    /// Somebody needs a keyframe, insistently (RFC 5104 §4.3.1).
    case fullIntraRequest(FullIntraRequest)
    /// How much a receiver thinks it can take (draft-alvestrand-rmcat-remb-03).
    case bitrateEstimate(BitrateEstimate)
    /// When packets of all streams came (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
    case transportFeedback(TransportFeedback)
    /// A kind that is not looked into, with the five bits that stand for a format or a count.
    case other(type: UInt8, format: UInt8)
}

/// The numbers of packet types and feedback formats.
enum RTCPType {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let transportLayerFeedback: UInt8 = 205
    static let payloadFeedback: UInt8 = 206

    static let nackFormat: UInt8 = 1
    static let transportFeedbackFormat: UInt8 = 15
    static let pictureLossFormat: UInt8 = 1
    static let fullIntraFormat: UInt8 = 4
    static let applicationFormat: UInt8 = 15
}

/// What a sender says of its stream.
public struct SenderReport: Sendable, Equatable {
    /// The sender's source.
    public var ssrc: UInt32
    /// When the report was sent, in NTP's format: seconds since 1900 and 2⁻³² of one.
    public var ntpTime: UInt64
    /// The same moment as an RTP timestamp of the source.
    public var rtpTimestamp: UInt32
    /// Packets sent, wrapping.
    public var packetCount: UInt32
    /// Bytes of payload sent, wrapping.
    public var byteCount: UInt32
    /// What the sender receives itself; at most 31.
    public var reports: [ReportBlock]

    /// Creates a report.
    public init(
        ssrc: UInt32,
        ntpTime: UInt64,
        rtpTimestamp: UInt32,
        packetCount: UInt32,
        byteCount: UInt32,
        reports: [ReportBlock] = []
    ) {
        self.ssrc = ssrc
        self.ntpTime = ntpTime
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.byteCount = byteCount
        self.reports = reports
    }

    /// The middle 32 bits of the time, by which a report block names this report.
    public var compactTime: UInt32 { UInt32(truncatingIfNeeded: ntpTime >> 16) }
}

/// What a receiver says of the streams it gets.
public struct ReceiverReport: Sendable, Equatable {
    /// The receiver's own source.
    public var ssrc: UInt32
    /// One block for each source; at most 31.
    public var reports: [ReportBlock]

    /// Creates a report.
    public init(ssrc: UInt32, reports: [ReportBlock]) {
        self.ssrc = ssrc
        self.reports = reports
    }
}

/// How well one source is received (RFC 3550 §6.4.1).
public struct ReportBlock: Sendable, Equatable {
    /// The source.
    public var ssrc: UInt32
    /// Packets lost since the last report, in 1/256.
    public var fractionLost: UInt8
    /// Packets lost in all, 24 bits; negative where duplicates came.
    public var cumulativeLost: Int32
    /// The highest sequence number, with the count of wraps above it.
    public var highestSequenceNumber: UInt32
    /// The jitter of arrivals, in the clock rate of the payload.
    public var jitter: UInt32
    /// ``SenderReport/compactTime`` of the last report got from the source, 0 before the first.
    public var lastSenderReport: UInt32
    /// The time since then, in 1/65,536 s.
    public var delaySinceLastSenderReport: UInt32

    /// Creates a block.
    public init(
        ssrc: UInt32,
        fractionLost: UInt8,
        cumulativeLost: Int32,
        highestSequenceNumber: UInt32,
        jitter: UInt32,
        lastSenderReport: UInt32,
        delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.highestSequenceNumber = highestSequenceNumber
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// The round trip in nanoseconds, for a report that came at `ntpTime` by the clock of the sender reports
    /// (RFC 3550 §6.4.1), or `nil` where the report answers none.
    public func roundTrip(at ntpTime: UInt64) -> UInt64? {
        guard lastSenderReport != 0 else { return nil }
        let now = UInt32(truncatingIfNeeded: ntpTime >> 16)
        let difference = Int32(bitPattern: now &- lastSenderReport &- delaySinceLastSenderReport)
        return (UInt64(max(0, difference)) * 1_000_000_000) >> 16
    }
}

/// What one source says of itself.
public struct SourceDescription: Sendable, Equatable {
    /// The longest name that the format can hold.
    public static let maximumNameByteCount = 255

    /// The source.
    public var ssrc: UInt32
    /// The name that sources of one sender share (CNAME); other items are left out.
    public var canonicalName: String?

    /// Creates a description.
    public init(ssrc: UInt32, canonicalName: String?) {
        self.ssrc = ssrc
        self.canonicalName = canonicalName
    }
}

/// Packets of one source that a receiver misses.
public struct NegativeAcknowledgement: Sendable, Equatable {
    /// The receiver's own source.
    public var senderSSRC: UInt32
    /// The source whose packets are missed.
    public var mediaSSRC: UInt32
    /// The numbers of the packets, as they come.
    public var sequenceNumbers: [UInt16]

    /// Creates a request.
    public init(senderSSRC: UInt32, mediaSSRC: UInt32, sequenceNumbers: [UInt16]) {
        self.senderSSRC = senderSSRC
        self.mediaSSRC = mediaSSRC
        self.sequenceNumbers = sequenceNumbers
    }
}

/// A wish for a keyframe.
public struct PictureLossIndication: Sendable, Equatable {
    /// The receiver's own source.
    public var senderSSRC: UInt32
    /// The source that is to send a keyframe.
    public var mediaSSRC: UInt32

    /// Creates a wish.
    public init(senderSSRC: UInt32, mediaSSRC: UInt32) {
        self.senderSSRC = senderSSRC
        self.mediaSSRC = mediaSSRC
    }
}

/// A command for keyframes.
public struct FullIntraRequest: Sendable, Equatable {
    /// One source that is to send a keyframe.
    public struct Entry: Sendable, Equatable {
        /// The source.
        public var ssrc: UInt32
        /// Rises with every new command; a repeated one is the same command.
        public var sequenceNumber: UInt8

        /// Creates an entry.
        public init(ssrc: UInt32, sequenceNumber: UInt8) {
            self.ssrc = ssrc
            self.sequenceNumber = sequenceNumber
        }
    }

    /// The receiver's own source.
    public var senderSSRC: UInt32
    /// The sources.
    public var entries: [Entry]

    /// Creates a command.
    public init(senderSSRC: UInt32, entries: [Entry]) {
        self.senderSSRC = senderSSRC
        self.entries = entries
    }
}

/// How much a receiver thinks it can take of some sources together (REMB).
public struct BitrateEstimate: Sendable, Equatable {
    /// The receiver's own source.
    public var senderSSRC: UInt32
    /// Bits a second; 18 bits of it are kept on the wire.
    public var bitsPerSecond: UInt64
    /// The sources.
    public var ssrcs: [UInt32]

    /// Creates an estimate.
    public init(senderSSRC: UInt32, bitsPerSecond: UInt64, ssrcs: [UInt32]) {
        self.senderSSRC = senderSSRC
        self.bitsPerSecond = bitsPerSecond
        self.ssrcs = ssrcs
    }
}
