/// The class of a `profile-level-id` of H.264 (RFC 6184 §8.1): what decides whether two formats are the same, whatever
/// their levels are.
public enum H264Profile: Sendable, Equatable {
    case constrainedBaseline, baseline, main, constrainedHigh, high, predictiveHigh444

    /// Reads the six digits, or the default where a format has none.
    public init?(profileLevelID text: String?) {
        guard let text else {
            self = .constrainedBaseline
            return
        }
        guard text.utf8.count == 6, let bits = UInt32(text, radix: 16) else { return nil }
        self.init(profile: UInt8(bits >> 16), constraints: UInt8(truncatingIfNeeded: bits >> 8))
    }

    /// Reads `profile_idc` and the byte of `constraint_set` flags of sequence parameters.
    public init?(profile: UInt8, constraints: UInt8) {
        switch profile {
        case 0x42: self = constraints & 0x40 != 0 ? .constrainedBaseline : .baseline
        case 0x4D: self = constraints & 0x80 != 0 ? .constrainedBaseline : .main
        case 0x58: self = constraints & 0xC0 == 0xC0 ? .constrainedBaseline : .baseline
        case 0x64: self = constraints & 0x0C == 0x0C ? .constrainedHigh : .high
        case 0xF4: self = .predictiveHigh444
        default: return nil
        }
    }

    /// Whether a decoder of this class decodes a stream of `stream`.
    public func decodes(_ stream: H264Profile) -> Bool {
        if self == stream { return true }
        switch (self, stream) {
        case (_, .constrainedBaseline): return true
        case (.high, .main), (.high, .constrainedHigh): return true
        case (.predictiveHigh444, .main), (.predictiveHigh444, .high), (.predictiveHigh444, .constrainedHigh):
            return true
        default: return false
        }
    }
}
