/// What a packet on the shared port is, by its first bytes (RFC 7983, RFC 5761).
enum PacketKind: Equatable {
    case stun
    case dtls
    case rtp
    case rtcp

    /// `nil` for what belongs to none of them.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= 2 else { return nil }
        switch bytes[0] {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 128...191: self = 192...223 ~= bytes[1] ? .rtcp : .rtp
        default: return nil
        }
    }
}
