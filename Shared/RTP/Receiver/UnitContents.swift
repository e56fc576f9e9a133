import Bytes
import Codecs
import Media

/// What is to be known of an access unit without decoding it.
struct UnitContents {
    /// Whether decoding can begin here.
    var isKeyframe = false
    /// The parameter sets in it, one behind the other.
    var parameterSets: [UInt8] = []

    /// Looks at an access unit in the form of the bus.
    init(of unit: Span<UInt8>, _ codec: Codec) {
        switch codec {
        case .h264: lookAtH264(unit)
        case .hevc: lookAtHEVC(unit)
        case .av1: lookAtAV1(unit)
        case .vp8: isKeyframe = !unit.isEmpty && unit[0] & 1 == 0
        case .vp9: isKeyframe = ((try? VP9KeyframeHeader(frame: unit)) ?? nil) != nil
        default: isKeyframe = true
        }
    }

    private mutating func lookAtH264(_ unit: Span<UInt8>) {
        var found = self
        try? NALUnits.forEach(lengthPrefixed: unit, lengthSize: 4) { unit in
            switch H264NALUnitType(header: unit[0]) {
            case .idrSlice: found.isKeyframe = true
            case .sequenceParameterSet, .pictureParameterSet:
                found.parameterSets += [UInt8](copying: unit)
            default: break
            }
        }
        self = found
    }

    private mutating func lookAtHEVC(_ unit: Span<UInt8>) {
        var found = self
        let sets = HEVCNALUnitType.videoParameterSet...HEVCNALUnitType.pictureParameterSet
        try? NALUnits.forEach(lengthPrefixed: unit, lengthSize: 4) { unit in
            let type = HEVCNALUnitType.rawValue(header: unit[0])
            if HEVCNALUnitType.randomAccess.contains(type) { found.isKeyframe = true }
            if sets.contains(type) { found.parameterSets += [UInt8](copying: unit) }
        }
        self = found
    }

    private mutating func lookAtAV1(_ unit: Span<UInt8>) {
        guard let contents = try? AV1AccessUnit(temporalUnit: unit) else { return }
        isKeyframe = contents.isKeyframe
        parameterSets = contents.sequenceHeaderUnit
    }
}
