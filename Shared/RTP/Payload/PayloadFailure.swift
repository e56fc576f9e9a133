/// The ways payloads or media can fail to be what they claim; shared by packetisers and depacketisers.
public enum PayloadFailure: Error, Equatable, Sendable {
    /// The input ended before a field did.
    case truncated
    /// A payload structure that is not understood, by its number.
    case unsupported(Int)
    /// A fragment came whose beginning did not.
    case fragmentWithoutStart
    /// A unit began, or the access unit ended, before all its fragments were there.
    case fragmentNotEnded
    /// The access unit grew over the limit.
    case tooLarge(byteCount: Int)
    /// The media are not framed as they should be.
    case malformed
}
