/// One entry of the media bus: the samples that a writer flushed together, as one little-endian blob.
///
/// Header, 16 bytes: version u8, flags u8, sample count u16, reserved u32, counter u64 of the newest keyframe's
/// entry. Then each sample: a header of 48 bytes (track u16, generation u16, flags u16, temporal layer u8,
/// spatial layer u8, sequence u32, decode time i64, composition offset i32, duration u32, media sequence u32,
/// part u16, reserved u16, capture clock u64, length u32) and its payload.
public struct BusEntry: Sendable, Equatable {
    /// The ways bytes can fail to be an entry.
    public enum Failure: Error, Equatable {
        case truncated
        case unsupportedVersion(UInt8)
        case sampleTooLarge(Int)
        case trailingBytes(Int)
    }

    /// What is true of an entry.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// The bits on the bus.
        public var rawValue: UInt8

        /// Creates flags from the bits on the bus.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The session ends after this entry.
        public static let endOfSession = Flags(rawValue: 1)
        /// The publisher has gone and may come back; carries no samples.
        public static let publisherAway = Flags(rawValue: 2)
        /// The first entry of a publisher that has come back.
        public static let publisherBack = Flags(rawValue: 4)
        /// The set of tracks has changed: read the tracks key again.
        public static let tracksChanged = Flags(rawValue: 8)
    }

    /// The version this code writes.
    public static let version: UInt8 = 1
    /// The bytes before the first sample.
    public static let headerByteCount = 16
    /// The bytes before each payload.
    public static let sampleHeaderByteCount = 48
    /// The largest payload; the publisher of a larger one is closed.
    public static let maximumSampleByteCount = 8 << 20

    /// What is true of the entry.
    public var flags: Flags
    /// The counter of the newest entry, this one included, that holds a keyframe to begin at.
    public var keyframeCounter: UInt64
    /// The samples, in decode order.
    public var samples: [BusSample]

    /// Creates an entry.
    public init(flags: Flags = [], keyframeCounter: UInt64, samples: [BusSample]) {
        self.flags = flags
        self.keyframeCounter = keyframeCounter
        self.samples = samples
    }
}
