/// Four characters that name a coding, as Enhanced RTMP writes them.
public struct FourCC: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The characters as a big-endian number.
    public var rawValue: UInt32

    /// Creates a code from its characters as a big-endian number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ text: String) {
        rawValue = text.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The four characters, with what is not ASCII as dots.
    public var description: String {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> UInt32(24 - 8 * $0)) }
        return String(decoding: bytes.map { (0x20..<0x7f).contains($0) ? $0 : 0x2e }, as: UTF8.self)
    }

    /// H.264.
    public static let avc = FourCC("avc1")
    /// H.265.
    public static let hevc = FourCC("hvc1")
    /// H.266.
    public static let vvc = FourCC("vvc1")
    /// AV1.
    public static let av1 = FourCC("av01")
    /// VP9.
    public static let vp9 = FourCC("vp09")
    /// VP8.
    public static let vp8 = FourCC("vp08")
    /// AAC.
    public static let aac = FourCC("mp4a")
    /// Opus.
    public static let opus = FourCC("Opus")
    /// FLAC.
    public static let flac = FourCC("fLaC")
    /// AC-3.
    public static let ac3 = FourCC("ac-3")
    /// Enhanced AC-3.
    public static let eac3 = FourCC("ec-3")
    /// MP3.
    public static let mp3 = FourCC(".mp3")
    /// G.711 A-law, which has no code of its own in Enhanced RTMP.
    public static let aLaw = FourCC("alaw")
    /// G.711 µ-law, which has no code of its own in Enhanced RTMP.
    public static let muLaw = FourCC("ulaw")
}
