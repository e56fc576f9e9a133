/// Profile, tier and level, as `hvcC` and the parameter sets hold them (H.265 §7.3.3).
public struct HEVCProfileTierLevel: Sendable, Hashable {
    /// 0, or 1–3 for the letters A–C.
    public var profileSpace: UInt8
    /// The high tier.
    public var isHighTier: Bool
    /// 1 main, 2 main 10, 3 still picture, 4 range extensions, ….
    public var profile: UInt8
    /// One bit per compatible profile, the first in the highest bit.
    public var compatibility: UInt32
    /// Six bytes of constraint flags, in the low 48 bits.
    public var constraints: UInt64
    /// Thirty times the level.
    public var level: UInt8

    /// The codec string, like `hvc1.1.6.L93.B0` (ISO 14496-15 annex E).
    public var codecString: String {
        var parts = ["hvc1", ["", "A", "B", "C"][Int(profileSpace & 3)] + String(profile)]
        parts.append(String(compatibility.bitReversed, radix: 16, uppercase: true))
        parts.append((isHighTier ? "H" : "L") + String(level))
        var bytes = (0..<6).map { UInt8(truncatingIfNeeded: constraints >> UInt64(40 - 8 * $0)) }
        while bytes.last == 0 { bytes.removeLast() }
        parts += bytes.map { String($0, radix: 16, uppercase: true) }
        return parts.joined(separator: ".")
    }

    @_lifetime(bits: copy bits)
    init(_ bits: inout ParameterBits, subLayerCount: Int) throws(CodecFailure) {
        profileSpace = UInt8(try bits.field(2))
        isHighTier = try bits.flag()
        profile = UInt8(try bits.field(5))
        compatibility = UInt32(try bits.field(32))
        constraints = UInt64(try bits.field(24)) << 24
        constraints |= UInt64(try bits.field(24))
        level = UInt8(try bits.field(8))
        guard subLayerCount > 0 else { return }
        var skipped = 0
        for index in 0..<8 {
            let hasProfile = try bits.flag()
            let hasLevel = try bits.flag()
            guard index < subLayerCount else { continue }
            skipped += (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0)
        }
        try bits.skip(skipped)
    }
}

extension UInt32 {
    /// The bits in the opposite order.
    fileprivate var bitReversed: UInt32 {
        (0..<32).reduce(0) { $0 | (self >> UInt32($1) & 1) << UInt32(31 - $1) }
    }
}
