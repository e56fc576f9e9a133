/// The types of HEVC NAL units that matter to a packager (H.265 table 7-1).
public enum HEVCNALUnitType {
    /// BLA, IDR and CRA pictures: those at which decoding can begin.
    public static let randomAccess: ClosedRange<UInt8> = 16...23
    /// All coded slices.
    public static let slices: ClosedRange<UInt8> = 0...31
    /// The video parameter set.
    public static let videoParameterSet: UInt8 = 32
    /// The sequence parameter set.
    public static let sequenceParameterSet: UInt8 = 33
    /// The picture parameter set.
    public static let pictureParameterSet: UInt8 = 34
    /// Delimiter, end of sequence, end of stream and filler.
    public static let structural: ClosedRange<UInt8> = 35...38

    /// The type of a unit by its first byte.
    public static func rawValue(header: UInt8) -> UInt8 { header >> 1 & 0x3f }

    /// Whether pictures of the same temporal layer never reference one of this type.
    public static func isSubLayerNonReference(_ type: UInt8) -> Bool { type <= 14 && type % 2 == 0 }
}

/// What a packager must know of an HEVC sequence parameter set (H.265 §7.3.2.2).
public struct HEVCSequenceParameters: Sendable, Hashable {
    /// Profile, tier and level.
    public var profileTierLevel: HEVCProfileTierLevel
    /// The number of temporal layers, 1 to 7.
    public var temporalLayerCount: UInt8
    /// Whether every switch between temporal layers is allowed.
    public var isTemporalIDNested: Bool
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    public var chromaFormat: UInt8 = 1
    /// Bits of a luma sample.
    public var lumaBitDepth: UInt8 = 8
    /// Bits of a chroma sample.
    public var chromaBitDepth: UInt8 = 8
    /// Pixels after the conformance window.
    public var width = 0
    /// Pixels after the conformance window.
    public var height = 0
    /// Frames a second by the timing of the VUI, where it has one that makes sense.
    public var frameRate: Double?
    /// The most pictures that precede another in decode order and follow it in presentation order.
    public var reorderFrameCount: Int?

    /// Parses a NAL unit with its header of two bytes.
    public init(nalUnit: Span<UInt8>) throws(CodecFailure) {
        guard nalUnit.count >= 3 else { throw .truncated }
        let type = HEVCNALUnitType.rawValue(header: nalUnit[0])
        guard type == HEVCNALUnitType.sequenceParameterSet else {
            throw .invalid(field: .nalUnitType, value: Int(type))
        }
        let payload = NALUnits.removingEmulationPrevention(nalUnit.extracting(2..<nalUnit.count))
        var bits = ParameterBits(payload.span)
        try bits.skip(4)
        temporalLayerCount = UInt8(min(7, try bits.field(3) + 1))
        isTemporalIDNested = try bits.flag()
        profileTierLevel = try HEVCProfileTierLevel(&bits, subLayerCount: Int(temporalLayerCount) - 1)
        _ = try bits.unsigned(atMost: 15, .count)
        try readSize(&bits)
        // What follows only refines: a set whose tail is broken still tells the size.
        try? readTail(&bits)
    }

    @_lifetime(bits: copy bits)
    private mutating func readSize(_ bits: inout ParameterBits) throws(CodecFailure) {
        let extent = PictureSize.maximumExtent
        chromaFormat = UInt8(try bits.unsigned(atMost: 3, .chromaFormat))
        if chromaFormat == 3 { try bits.skip(1) }
        let codedWidth = try bits.unsigned(atMost: extent, .pictureWidth)
        let codedHeight = try bits.unsigned(atMost: extent, .pictureHeight)
        var crop = (x: 0, y: 0)
        if try bits.flag() {
            crop.x = try bits.unsigned(atMost: extent, .pictureWidth)
            crop.x += try bits.unsigned(atMost: extent, .pictureWidth)
            crop.y = try bits.unsigned(atMost: extent, .pictureHeight)
            crop.y += try bits.unsigned(atMost: extent, .pictureHeight)
        }
        let size = try PictureSize(
            codedWidth: codedWidth,
            codedHeight: codedHeight,
            cropX: crop.x * (chromaFormat == 1 || chromaFormat == 2 ? 2 : 1),
            cropY: crop.y * (chromaFormat == 1 ? 2 : 1)
        )
        width = size.width
        height = size.height
        lumaBitDepth = UInt8(8 + (try bits.unsigned(atMost: 8, .bitDepth)))
        chromaBitDepth = UInt8(8 + (try bits.unsigned(atMost: 8, .bitDepth)))
    }

    @_lifetime(bits: copy bits)
    private mutating func readTail(_ bits: inout ParameterBits) throws(CodecFailure) {
        let orderBitCount = try bits.unsigned(atMost: 12, .count) + 4
        let givesEachLayer = try bits.flag()
        for _ in 0..<(givesEachLayer ? Int(temporalLayerCount) : 1) {
            _ = try bits.unsigned()
            reorderFrameCount = try bits.unsigned(atMost: 16, .count)
            _ = try bits.unsigned()
        }
        try bits.skipUnsigned(6)
        if try bits.flag(), try bits.flag() { try Self.skipScalingLists(&bits) }
        try bits.skip(2)
        if try bits.flag() {
            try bits.skip(8)
            try bits.skipUnsigned(2)
            try bits.skip(1)
        }
        try Self.skipShortTermSets(&bits)
        if try bits.flag() {
            let count = try bits.unsigned(atMost: 32, .count)
            try bits.skip(count * (orderBitCount + 1))
        }
        try bits.skip(2)
        if try bits.flag() { try readUsability(&bits) }
    }

    /// Reads the video usability information as far as its timing (H.265 §E.2.1).
    @_lifetime(bits: copy bits)
    private mutating func readUsability(_ bits: inout ParameterBits) throws(CodecFailure) {
        try bits.skipDisplayInformation()
        try bits.skip(3)
        if try bits.flag() { try bits.skipUnsigned(4) }
        guard try bits.flag() else { return }
        let unitsInTick = try bits.field(32)
        let timescale = try bits.field(32)
        frameRate = FrameRate.plausible(Double(timescale), Double(unitsInTick))
    }

    @_lifetime(bits: copy bits)
    private static func skipScalingLists(_ bits: inout ParameterBits) throws(CodecFailure) {
        for size in 0..<4 {
            for _ in 0..<(size == 3 ? 2 : 6) {
                guard try bits.flag() else {
                    _ = try bits.unsigned()
                    continue
                }
                if size > 1 { _ = try bits.signed() }
                for _ in 0..<min(64, 16 << (2 * size)) { _ = try bits.signed() }
            }
        }
    }

    @_lifetime(bits: copy bits)
    private static func skipShortTermSets(_ bits: inout ParameterBits) throws(CodecFailure) {
        let setCount = try bits.unsigned(atMost: 64, .count)
        var pictureCount = 0
        for index in 0..<setCount {
            if index > 0, try bits.flag() {
                pictureCount = try skipPredictedSet(&bits, previousCount: pictureCount)
            } else {
                pictureCount = try bits.unsigned(atMost: 16, .count)
                pictureCount += try bits.unsigned(atMost: 16, .count)
                for _ in 0..<pictureCount {
                    _ = try bits.unsigned()
                    try bits.skip(1)
                }
            }
        }
    }

    @_lifetime(bits: copy bits)
    private static func skipPredictedSet(
        _ bits: inout ParameterBits,
        previousCount: Int
    ) throws(CodecFailure) -> Int {
        try bits.skip(1)
        _ = try bits.unsigned()
        var kept = 0
        for _ in 0...previousCount {
            let isUsed = try bits.flag()
            let isKept = isUsed ? true : try bits.flag()
            if isKept { kept += 1 }
        }
        return kept
    }
}
