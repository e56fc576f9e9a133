import Bytes

/// One HEVC access unit as it goes on the bus: four-byte lengths, without parameter sets, delimiters, filler.
public struct HEVCAccessUnit: Sendable, Equatable {
    /// The NAL units that are kept, each behind four bytes of length; empty where there was no slice.
    public var payload: [UInt8]
    /// Whether it is an IDR, CRA or BLA picture.
    public var isRandomAccess: Bool
    /// Whether no picture of its own temporal layer references it.
    public var isSubLayerNonReference: Bool
    /// The temporal layer, from 0.
    public var temporalLayer: UInt8
    /// Video parameter sets found among the slices.
    public var videoParameterSets: [[UInt8]]
    /// Sequence parameter sets found among the slices.
    public var sequenceParameterSets: [[UInt8]]
    /// Picture parameter sets found among the slices.
    public var pictureParameterSets: [[UInt8]]

    /// Reads units behind length fields of `lengthSize` bytes.
    public init(lengthPrefixed bytes: Span<UInt8>, lengthSize: Int) throws(CodecFailure) {
        self.init(try Contents.read(lengthPrefixed: bytes, lengthSize: lengthSize))
    }

    /// Reads units between start codes.
    public init(annexB bytes: Span<UInt8>) throws(CodecFailure) {
        self.init(try Contents.read(annexB: bytes))
    }

    private init(_ read: (contents: Contents, payload: [UInt8])) {
        let contents = read.contents
        payload = read.payload
        isRandomAccess = contents.isRandomAccess
        isSubLayerNonReference = contents.sliceCount > 0 && contents.isSubLayerNonReference
        temporalLayer = contents.temporalLayer
        videoParameterSets = contents.videoParameterSets
        sequenceParameterSets = contents.sequenceParameterSets
        pictureParameterSets = contents.pictureParameterSets
    }
}

extension HEVCAccessUnit {
    /// What one pass over the NAL units found.
    private struct Contents: AccessUnitContents {
        var sliceCount = 0
        var isRandomAccess = false
        var isSubLayerNonReference = true
        var temporalLayer: UInt8 = 0
        var hasDropped = false
        var videoParameterSets: [[UInt8]] = []
        var sequenceParameterSets: [[UInt8]] = []
        var pictureParameterSets: [[UInt8]] = []

        static func keeps(_ unit: Span<UInt8>) -> Bool {
            let type = HEVCNALUnitType.rawValue(header: unit[0])
            let isSet =
                type >= HEVCNALUnitType.videoParameterSet && type <= HEVCNALUnitType.pictureParameterSet
            return unit.count >= 2 && !isSet && !HEVCNALUnitType.structural.contains(type)
        }

        mutating func look(at unit: Span<UInt8>) {
            let type = HEVCNALUnitType.rawValue(header: unit[0])
            if !Self.keeps(unit) {
                hasDropped = true
                keepSet(unit, type: type)
            } else if HEVCNALUnitType.slices.contains(type) {
                sliceCount += 1
                if HEVCNALUnitType.randomAccess.contains(type) { isRandomAccess = true }
                if !HEVCNALUnitType.isSubLayerNonReference(type) { isSubLayerNonReference = false }
                temporalLayer = max(temporalLayer, (unit[1] & 7) &- 1 & 7)
            }
        }

        private mutating func keepSet(_ unit: Span<UInt8>, type: UInt8) {
            switch type {
            case HEVCNALUnitType.videoParameterSet: videoParameterSets.append([UInt8](copying: unit))
            case HEVCNALUnitType.sequenceParameterSet: sequenceParameterSets.append([UInt8](copying: unit))
            case HEVCNALUnitType.pictureParameterSet: pictureParameterSets.append([UInt8](copying: unit))
            default: break
            }
        }
    }
}
