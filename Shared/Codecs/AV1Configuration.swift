import Bytes
public import Media

/// The types of AV1 open bitstream units that matter to a packager (AV1 §6.2.2).
public enum AV1UnitType: UInt8, Sendable {
    case sequenceHeader = 1
    case temporalDelimiter = 2
    case frameHeader = 3
    case tileGroup = 4
    case metadata = 5
    case frame = 6
    case redundantFrameHeader = 7
    case tileList = 8
    case padding = 15
}

/// Open bitstream units, one after the other (AV1 §5.3).
public enum AV1Units {
    /// The largest number of units in one temporal unit; more are refused.
    public static let maximumCount = 4096

    /// One unit within its temporal unit.
    public struct Unit: Sendable, Equatable {
        /// The type, or `nil` for a reserved one.
        public var type: AV1UnitType?
        /// Where its header begins and its payload ends.
        public var range: Range<Int>
        /// Where its payload begins.
        public var payloadOffset: Int
        /// Whether it states its own size; the last one need not.
        public var hasSize: Bool
        /// The temporal layer.
        public var temporalLayer: UInt8
        /// The spatial layer.
        public var spatialLayer: UInt8
    }

    /// Lists the units of `bytes`.
    public static func list(_ bytes: Span<UInt8>) throws(CodecFailure) -> [Unit] {
        var units: [Unit] = []
        var position = 0
        while position < bytes.count {
            guard units.count < maximumCount else { throw .invalid(field: .count, value: units.count) }
            let unit = try unit(in: bytes, at: position)
            units.append(unit)
            position = unit.range.upperBound
        }
        return units
    }

    private static func unit(in bytes: Span<UInt8>, at start: Int) throws(CodecFailure) -> Unit {
        let header = bytes[start]
        guard header & 0x80 == 0 else { throw .wrongSignature }
        var position = start + 1
        var layers: UInt8 = 0
        if header & 4 != 0 {
            guard position < bytes.count else { throw .truncated }
            layers = bytes[position]
            position += 1
        }
        var size = bytes.count - position
        if header & 2 != 0 { size = try variableLength(in: bytes, at: &position) }
        guard size <= bytes.count - position else { throw .truncated }
        return Unit(
            type: AV1UnitType(rawValue: header >> 3 & 15),
            range: start..<position + size,
            payloadOffset: position,
            hasSize: header & 2 != 0,
            temporalLayer: layers >> 5,
            spatialLayer: layers >> 3 & 3
        )
    }

    /// Reads a number of up to eight groups of seven bits, lowest first (AV1 §4.10.5).
    private static func variableLength(
        in bytes: Span<UInt8>,
        at position: inout Int
    ) throws(CodecFailure) -> Int {
        var value = 0
        for shift in stride(from: 0, to: 56, by: 7) {
            guard position < bytes.count else { throw .truncated }
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw .invalid(field: .frameLength, value: value)
    }
}

/// What a packager must know of an AV1 sequence header (AV1 §5.5).
public struct AV1SequenceHeader: Sendable, Hashable {
    /// 0 main, 1 high, 2 professional.
    public var profile: UInt8
    /// `seq_level_idx` of the first operating point: 8 is level 4.0.
    public var level: UInt8 = 0
    /// Whether the first operating point is of the high tier.
    public var isHighTier = false
    /// Bits of a sample.
    public var bitDepth: UInt8 = 8
    /// Luma only.
    public var isMonochrome = false
    /// Chroma at half the width.
    public var subsamplesX = true
    /// Chroma at half the height.
    public var subsamplesY = true
    /// 0 unknown, 1 left, 2 top left.
    public var chromaSamplePosition: UInt8 = 0
    /// The largest frame.
    public var width = 0
    /// The largest frame.
    public var height = 0
    /// Frames a second where the header says so and they come evenly.
    public var frameRate: Double?
    /// Whether the header is the short form for still pictures.
    public var isReducedStillPicture = false

    /// Parses the payload of a sequence header unit.
    public init(payload: Span<UInt8>) throws(CodecFailure) {
        var bits = ParameterBits(payload)
        profile = UInt8(try bits.field(3))
        guard profile <= 2 else { throw .invalid(field: .profile, value: Int(profile)) }
        try bits.skip(1)
        isReducedStillPicture = try bits.flag()
        if isReducedStillPicture {
            level = UInt8(try bits.field(5))
        } else {
            try readOperatingPoints(&bits)
        }
        let widthBitCount = try bits.field(4) + 1
        let heightBitCount = try bits.field(4) + 1
        let codedWidth = try bits.field(widthBitCount) + 1
        let size = try PictureSize(codedWidth: codedWidth, codedHeight: try bits.field(heightBitCount) + 1)
        width = size.width
        height = size.height
        // What follows only refines: a header whose tail is broken still tells the size.
        try? readTools(&bits)
    }

    /// The codec string, like `av01.0.04M.08`.
    public var codecString: String {
        let tier = isHighTier ? "H" : "M"
        return "av01.\(profile).\(level.decimal(digits: 2))\(tier).\(bitDepth.decimal(digits: 2))"
    }

    @_lifetime(bits: copy bits)
    private mutating func readOperatingPoints(_ bits: inout ParameterBits) throws(CodecFailure) {
        var delayBitCount: Int?
        if try bits.flag() { delayBitCount = try readTiming(&bits) }
        let hasInitialDelay = try bits.flag()
        let pointCount = try bits.field(5) + 1
        for point in 0..<pointCount {
            try bits.skip(12)
            let level = UInt8(try bits.field(5))
            let isHighTier = level > 7 ? try bits.flag() : false
            if let delayBitCount, try bits.flag() { try bits.skip(2 * delayBitCount + 1) }
            if hasInitialDelay, try bits.flag() { try bits.skip(4) }
            if point == 0 {
                self.level = level
                self.isHighTier = isHighTier
            }
        }
    }

    /// Reads the timing and, where there is one, the width of the decoder model's delays.
    @_lifetime(bits: copy bits)
    private mutating func readTiming(_ bits: inout ParameterBits) throws(CodecFailure) -> Int? {
        let unitsInTick = try bits.field(32)
        let timescale = try bits.field(32)
        if try bits.flag() {
            let ticks = try bits.unsigned() + 1
            frameRate = FrameRate.plausible(Double(timescale), Double(unitsInTick) * Double(ticks))
        }
        guard try bits.flag() else { return nil }
        let delayBitCount = try bits.field(5) + 1
        try bits.skip(42)
        return delayBitCount
    }

    @_lifetime(bits: copy bits)
    private mutating func readTools(_ bits: inout ParameterBits) throws(CodecFailure) {
        if !isReducedStillPicture, try bits.flag() { try bits.skip(7) }
        try bits.skip(3)
        if !isReducedStillPicture { try skipInterTools(&bits) }
        try bits.skip(3)
        try readColour(&bits)
    }

    @_lifetime(bits: copy bits)
    private func skipInterTools(_ bits: inout ParameterBits) throws(CodecFailure) {
        try bits.skip(4)
        let hasOrderHint = try bits.flag()
        if hasOrderHint { try bits.skip(2) }
        let choosesScreenContent = try bits.flag()
        let forcesScreenContent = choosesScreenContent ? true : try bits.flag()
        if forcesScreenContent, !(try bits.flag()) { try bits.skip(1) }
        if hasOrderHint { try bits.skip(3) }
    }

    @_lifetime(bits: copy bits)
    private mutating func readColour(_ bits: inout ParameterBits) throws(CodecFailure) {
        let isHighDepth = try bits.flag()
        bitDepth = isHighDepth ? 10 : 8
        if profile == 2, isHighDepth, try bits.flag() { bitDepth = 12 }
        isMonochrome = profile == 1 ? false : try bits.flag()
        var description = (primaries: 2, transfer: 2, matrix: 2)
        if try bits.flag() {
            description.primaries = try bits.field(8)
            description.transfer = try bits.field(8)
            description.matrix = try bits.field(8)
        }
        if isMonochrome { return }
        if description == (1, 13, 0) {
            (subsamplesX, subsamplesY) = (false, false)
            return
        }
        try bits.skip(1)
        switch profile {
        case 0: (subsamplesX, subsamplesY) = (true, true)
        case 1: (subsamplesX, subsamplesY) = (false, false)
        default:
            subsamplesX = bitDepth == 12 ? try bits.flag() : true
            subsamplesY = bitDepth == 12 && subsamplesX ? try bits.flag() : false
        }
        if subsamplesX, subsamplesY { chromaSamplePosition = UInt8(try bits.field(2)) }
    }
}

/// The decoder configuration of AV1, as `av1C` and the RTMP sequence header hold it.
public struct AV1Configuration: Sendable, Hashable {
    /// The sequence header unit with its header and size; empty where the record left it out.
    public var sequenceHeaderUnit: [UInt8]
    /// What the sequence header says.
    public var sequenceHeader: AV1SequenceHeader?

    /// Parses a record; its own fields are left aside, for the sequence header says the same and more.
    public init(record: Span<UInt8>) throws(CodecFailure) {
        guard record.count >= 4 else { throw .truncated }
        guard record[0] == 0x81 else { throw .unsupportedVersion(Int(record[0])) }
        try self.init(temporalUnit: record.extracting(4..<record.count))
    }

    /// Looks for a sequence header among the units of `temporalUnit`.
    public init(temporalUnit: Span<UInt8>) throws(CodecFailure) {
        sequenceHeaderUnit = []
        for unit in try AV1Units.list(temporalUnit) where unit.type == .sequenceHeader {
            let payload = temporalUnit.extracting(unit.payloadOffset..<unit.range.upperBound)
            sequenceHeader = try AV1SequenceHeader(payload: payload)
            sequenceHeaderUnit = AV1AccessUnit.sized(unit, in: temporalUnit)
            return
        }
    }

    /// The record for `av1C`, or `nil` without a sequence header.
    public func record() -> [UInt8]? {
        guard let header = sequenceHeader else { return nil }
        var third: UInt8 = header.isHighTier ? 0x80 : 0
        if header.bitDepth > 8 { third |= 0x40 }
        if header.bitDepth == 12 { third |= 0x20 }
        if header.isMonochrome { third |= 0x10 }
        if header.subsamplesX { third |= 8 }
        if header.subsamplesY { third |= 4 }
        third |= header.chromaSamplePosition & 3
        return [0x81, header.profile << 5 | header.level & 0x1f, third, 0] + sequenceHeaderUnit
    }

    /// The track that the configuration describes.
    public func trackConfiguration(
        track: TrackID,
        generation: UInt16
    ) throws(CodecFailure) -> TrackConfiguration {
        guard let header = sequenceHeader, let record = record() else { throw .truncated }
        return TrackConfiguration(
            track: track,
            generation: generation,
            codec: .av1,
            timescale: TrackConfiguration.videoTimescale,
            decoderConfiguration: record,
            codecString: header.codecString,
            kind: .video(.init(width: header.width, height: header.height, frameRate: header.frameRate))
        )
    }
}
