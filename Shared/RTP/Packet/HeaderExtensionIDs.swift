/// What an element of a header extension can mean; every address is the one that SDP names it by.
public enum HeaderExtensionKind: String, Sendable, CaseIterable {
    /// The media section that the packet belongs to (RFC 9143 §15).
    case mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
    /// The simulcast layer (RFC 8852 §3.1).
    case rid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    /// The simulcast layer that a retransmission repairs (RFC 8852 §3.2).
    case repairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    /// When the packet left, in 24 bits of seconds with 18 behind the point.
    case absoluteSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    /// Counts the packets of all streams (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
    case transportSequenceNumber =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    /// How long the receiver may hold the picture back.
    case playoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    /// When the first byte was captured, by the publisher's clock.
    case absoluteCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
    /// The level of the sound in -dBov and whether it is speech (RFC 6464).
    case audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    /// How the picture is to be turned (3GPP TS 26.114 §7.4.5).
    case videoOrientation = "urn:3gpp:video-orientation"

    /// The place of the kind among all.
    var index: Int {
        switch self {
        case .mid: 0
        case .rid: 1
        case .repairedRID: 2
        case .absoluteSendTime: 3
        case .transportSequenceNumber: 4
        case .playoutDelay: 5
        case .absoluteCaptureTime: 6
        case .audioLevel: 7
        case .videoOrientation: 8
        }
    }
}

/// The numbers of header extensions, as one session negotiated them.
public struct HeaderExtensionIDs: Sendable, Equatable {
    private var ids = [UInt8](repeating: 0, count: HeaderExtensionKind.allCases.count)
    private var kinds = [HeaderExtensionKind?](repeating: nil, count: 256)

    /// Creates a table without any.
    public init() {}

    /// The number of a kind, `nil` where it was not negotiated; 0 cannot be one.
    public subscript(_ kind: HeaderExtensionKind) -> UInt8? {
        get { ids[kind.index] == 0 ? nil : ids[kind.index] }
        set {
            kinds[Int(ids[kind.index])] = nil
            ids[kind.index] = newValue ?? 0
            if let newValue, newValue != 0 { kinds[Int(newValue)] = kind }
        }
    }

    /// The kind that a number stands for.
    public func kind(of id: UInt8) -> HeaderExtensionKind? { kinds[Int(id)] }
}
