/// The types of H.264 NAL units that matter to a packager (H.264 table 7-1).
public enum H264NALUnitType: UInt8, Sendable {
    case slice = 1
    case dataPartitionA = 2
    case dataPartitionB = 3
    case dataPartitionC = 4
    case idrSlice = 5
    case supplementalInformation = 6
    case sequenceParameterSet = 7
    case pictureParameterSet = 8
    case accessUnitDelimiter = 9
    case endOfSequence = 10
    case endOfStream = 11
    case fillerData = 12
    case sequenceParameterSetExtension = 13

    /// The type of a unit by its first byte, or `nil` for one that is passed through.
    public init?(header: UInt8) { self.init(rawValue: header & 0x1f) }
}

/// What a packager must know of an H.264 sequence parameter set (H.264 §7.3.2.1).
public struct H264SequenceParameters: Sendable, Hashable {
    /// `profile_idc`: 66 baseline, 77 main, 100 high, ….
    public var profile: UInt8
    /// The six constraint flags and two reserved bits after the profile.
    public var constraints: UInt8
    /// Ten times the level.
    public var level: UInt8
    /// The number of this set.
    public var id: Int
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    public var chromaFormat: UInt8 = 1
    /// Bits of a luma sample.
    public var lumaBitDepth: UInt8 = 8
    /// Bits of a chroma sample.
    public var chromaBitDepth: UInt8 = 8
    /// Pixels after cropping.
    public var width = 0
    /// Pixels after cropping.
    public var height = 0
    /// Whether every picture is a frame, never a field.
    public var isProgressive = true
    /// Frames a second by the timing of the VUI, where it has one that makes sense.
    public var frameRate: Double?
    /// The most frames that precede another in decode order and follow it in presentation order;
    /// 0 = no B-frames, `nil` = the stream does not say.
    public var reorderFrameCount: Int?

    /// Parses a NAL unit with its header byte.
    public init(nalUnit: Span<UInt8>) throws(CodecFailure) {
        guard nalUnit.count >= 4 else { throw .truncated }
        guard H264NALUnitType(header: nalUnit[0]) == .sequenceParameterSet else {
            throw .invalid(field: .nalUnitType, value: Int(nalUnit[0] & 0x1f))
        }
        let payload = NALUnits.removingEmulationPrevention(nalUnit.extracting(1..<nalUnit.count))
        var bits = ParameterBits(payload.span)
        profile = UInt8(try bits.field(8))
        constraints = UInt8(try bits.field(8))
        level = UInt8(try bits.field(8))
        id = try bits.unsigned(atMost: 31, .count)
        if Self.profilesWithChroma.contains(profile) { try readChroma(&bits) }
        _ = try bits.unsigned()
        let orderType = try Self.skipPictureOrder(&bits)
        try readSize(&bits)
        reorderFrameCount = Self.impliedReorder(profile, constraints, orderType)
        // What follows only refines: a set whose VUI is broken still tells the size.
        try? readUsability(&bits)
    }

    /// The codec string, like `avc1.64001f`.
    public var codecString: String {
        "avc1." + [profile, constraints, level].map { $0.hexadecimal(digits: 2) }.joined()
    }

    static let profilesWithChroma: Set<UInt8> = [
        100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
    ]
    private static let intraProfiles: Set<UInt8> = [44, 86, 100, 110, 122, 244]

    private static func impliedReorder(_ profile: UInt8, _ constraints: UInt8, _ orderType: Int) -> Int? {
        let isIntraOnly = intraProfiles.contains(profile) && constraints & 0x10 != 0
        return orderType == 2 || profile == 66 || isIntraOnly ? 0 : nil
    }

    @_lifetime(bits: copy bits)
    private mutating func readChroma(_ bits: inout ParameterBits) throws(CodecFailure) {
        chromaFormat = UInt8(try bits.unsigned(atMost: 3, .chromaFormat))
        if chromaFormat == 3 { try bits.skip(1) }
        lumaBitDepth = UInt8(8 + (try bits.unsigned(atMost: 6, .bitDepth)))
        chromaBitDepth = UInt8(8 + (try bits.unsigned(atMost: 6, .bitDepth)))
        try bits.skip(1)
        guard try bits.flag() else { return }
        for index in 0..<(chromaFormat == 3 ? 12 : 8) where try bits.flag() {
            try Self.skipScalingList(&bits, count: index < 6 ? 16 : 64)
        }
    }

    @_lifetime(bits: copy bits)
    private static func skipScalingList(_ bits: inout ParameterBits, count: Int) throws(CodecFailure) {
        var last = 8
        var next = 8
        for _ in 0..<count {
            if next != 0 { next = (last &+ (try bits.signed())) & 0xff }
            last = next == 0 ? last : next
        }
    }

    @_lifetime(bits: copy bits)
    private static func skipPictureOrder(_ bits: inout ParameterBits) throws(CodecFailure) -> Int {
        let type = try bits.unsigned(atMost: 2, .count)
        if type == 0 {
            _ = try bits.unsigned()
        } else if type == 1 {
            try bits.skip(1)
            _ = try bits.signed()
            _ = try bits.signed()
            let cycle = try bits.unsigned(atMost: 255, .count)
            for _ in 0..<cycle { _ = try bits.signed() }
        }
        return type
    }

    @_lifetime(bits: copy bits)
    private mutating func readSize(_ bits: inout ParameterBits) throws(CodecFailure) {
        let extent = PictureSize.maximumExtent
        _ = try bits.unsigned()
        try bits.skip(1)
        let columns = try bits.unsigned(atMost: extent / 16, .pictureWidth) + 1
        let rows = try bits.unsigned(atMost: extent / 16, .pictureHeight) + 1
        isProgressive = try bits.flag()
        if !isProgressive { try bits.skip(1) }
        try bits.skip(1)
        var crop = (x: 0, y: 0)
        if try bits.flag() {
            crop.x = try bits.unsigned(atMost: extent, .pictureWidth)
            crop.x += try bits.unsigned(atMost: extent, .pictureWidth)
            crop.y = try bits.unsigned(atMost: extent, .pictureHeight)
            crop.y += try bits.unsigned(atMost: extent, .pictureHeight)
        }
        let fields = isProgressive ? 1 : 2
        let size = try PictureSize(
            codedWidth: columns * 16,
            codedHeight: rows * 16 * fields,
            cropX: crop.x * (chromaFormat == 1 || chromaFormat == 2 ? 2 : 1),
            cropY: crop.y * (chromaFormat == 1 ? 2 : 1) * fields
        )
        width = size.width
        height = size.height
    }

    /// Reads the video usability information (H.264 §E.1.1).
    @_lifetime(bits: copy bits)
    private mutating func readUsability(_ bits: inout ParameterBits) throws(CodecFailure) {
        guard try bits.flag() else { return }
        try bits.skipDisplayInformation()
        if try bits.flag() {
            let unitsInTick = try bits.field(32)
            let timescale = try bits.field(32)
            try bits.skip(1)
            frameRate = FrameRate.plausible(Double(timescale), Double(unitsInTick) * 2)
        }
        let hasUnitTiming = try bits.flag()
        if hasUnitTiming { try Self.skipReferenceDecoder(&bits) }
        let hasSliceTiming = try bits.flag()
        if hasSliceTiming { try Self.skipReferenceDecoder(&bits) }
        if hasUnitTiming || hasSliceTiming { try bits.skip(1) }
        try bits.skip(1)
        guard try bits.flag() else { return }
        try bits.skip(1)
        try bits.skipUnsigned(4)
        reorderFrameCount = try bits.unsigned(atMost: 16, .count)
    }

    @_lifetime(bits: copy bits)
    private static func skipReferenceDecoder(_ bits: inout ParameterBits) throws(CodecFailure) {
        let count = try bits.unsigned(atMost: 31, .count) + 1
        try bits.skip(8)
        for _ in 0..<count {
            try bits.skipUnsigned(2)
            try bits.skip(1)
        }
        try bits.skip(20)
    }
}

extension ParameterBits {
    /// Passes over aspect ratio, overscan, signal type and chroma location, alike in H.264 and HEVC.
    @_lifetime(self: copy self)
    mutating func skipDisplayInformation() throws(CodecFailure) {
        if try flag(), try field(8) == 255 { try skip(32) }
        if try flag() { try skip(1) }
        if try flag() {
            try skip(4)
            if try flag() { try skip(24) }
        }
        if try flag() { try skipUnsigned(2) }
    }
}
