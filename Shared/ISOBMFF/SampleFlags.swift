/// The flags of one sample in a movie fragment (ISO/IEC 14496-12 §8.8.3.1).
public struct SampleFlags: RawRepresentable, Hashable, Sendable {
    /// The 32 bits in the file.
    public var rawValue: UInt32

    /// Creates flags from the 32 bits in the file.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Depends on no other sample; decoding can begin here.
    public static let keyframe = SampleFlags(rawValue: 0x0200_0000)
    /// Depends on others, and others may depend on it.
    public static let dependent = SampleFlags(rawValue: 0x0101_0000)
    /// Depends on others, and none depends on it.
    public static let disposable = SampleFlags(rawValue: 0x0181_0000)

    /// Whether decoding can begin here.
    public var isKeyframe: Bool { rawValue & 0x0001_0000 == 0 }
}
