import Codecs
import Media
import RTMP

/// H.264 with its parameter sets in a record, among the slices, or both.
struct H264Track: TrackDecoding {
    private var current: H264Configuration?
    private var lengthSize = 4

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try H264Configuration(record: record.span)
        lengthSize = new.nalLengthSize
        if new.isComplete {
            _ = try new.sequenceParameters()
            current = new
        }
        return new.isComplete
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let unit = try accessUnit(frame.payload.span)
        let changed = adopt(unit)
        let isClean = unit.isIDR || (frame.isKeyframe && (unit.hasRecoveryPoint || unit.isIntra))
        let decoded = DecodedFrame(
            payload: unit.payload,
            isKeyframe: isClean,
            isDiscardable: unit.isDiscardable
        )
        return (decoded, changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        try? current?.trackConfiguration(track: track, generation: generation)
    }

    /// Reads lengths as the record promises, else start codes, which some encoders send all the same.
    private func accessUnit(_ bytes: Span<UInt8>) throws(CodecFailure) -> H264AccessUnit {
        do throws(CodecFailure) {
            return try H264AccessUnit(lengthPrefixed: bytes, lengthSize: lengthSize)
        } catch {
            guard NALUnits.isAnnexB(bytes) else { throw error }
            return try H264AccessUnit(annexB: bytes)
        }
    }

    /// Takes over parameter sets that the stream carries, where they are not known yet.
    private mutating func adopt(_ unit: H264AccessUnit) -> Bool {
        if unit.sequenceParameterSets.isEmpty, unit.pictureParameterSets.isEmpty { return false }
        let sequenceSets = unit.sequenceParameterSets.merged(into: current?.sequenceParameterSets) {
            (try? H264SequenceParameters(nalUnit: $0))?.id
        }
        let pictureSets = unit.pictureParameterSets.merged(into: current?.pictureParameterSets) {
            H264PictureParameters.id(nalUnit: $0)
        }
        let new = H264Configuration(sequenceParameterSets: sequenceSets, pictureParameterSets: pictureSets)
        let isSame =
            new.sequenceParameterSets == current?.sequenceParameterSets
            && new.pictureParameterSets == current?.pictureParameterSets
        guard !isSame, new.isComplete, (try? new.sequenceParameters()) != nil else { return false }
        current = new
        return true
    }
}

/// HEVC with its parameter sets in a record, among the slices, or both.
struct HEVCTrack: TrackDecoding {
    private var current: HEVCConfiguration?
    private var lengthSize = 4
    private var highestLayer: UInt8 = 0

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try HEVCConfiguration(record: record.span)
        lengthSize = new.nalLengthSize
        if new.isComplete { try use(new) }
        return new.isComplete
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let unit = try accessUnit(frame.payload.span)
        let changed = adopt(unit)
        let decoded = DecodedFrame(
            payload: unit.payload,
            isKeyframe: unit.isRandomAccess,
            isDiscardable: unit.isSubLayerNonReference && unit.temporalLayer >= highestLayer,
            temporalLayer: unit.temporalLayer
        )
        return (decoded, changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        try? current?.trackConfiguration(track: track, generation: generation)
    }

    private func accessUnit(_ bytes: Span<UInt8>) throws(CodecFailure) -> HEVCAccessUnit {
        do throws(CodecFailure) {
            return try HEVCAccessUnit(lengthPrefixed: bytes, lengthSize: lengthSize)
        } catch {
            guard NALUnits.isAnnexB(bytes) else { throw error }
            return try HEVCAccessUnit(annexB: bytes)
        }
    }

    private mutating func adopt(_ unit: HEVCAccessUnit) -> Bool {
        let found = unit.videoParameterSets + unit.sequenceParameterSets + unit.pictureParameterSets
        if found.isEmpty { return false }
        let known =
            (current?.videoParameterSets ?? []) + (current?.sequenceParameterSets ?? [])
            + (current?.pictureParameterSets ?? [])
        if found.allSatisfy(known.contains) { return false }
        let new = HEVCConfiguration(
            videoParameterSets: unit.videoParameterSets.or(current?.videoParameterSets),
            sequenceParameterSets: unit.sequenceParameterSets.or(current?.sequenceParameterSets),
            pictureParameterSets: unit.pictureParameterSets.or(current?.pictureParameterSets)
        )
        return new.isComplete && (try? use(new)) != nil
    }

    private mutating func use(_ new: HEVCConfiguration) throws(CodecFailure) {
        highestLayer = try new.sequenceParameters().temporalLayerCount &- 1
        current = new
    }
}

/// AV1 with its sequence header in a record, in its keyframes, or both.
struct AV1Track: TrackDecoding {
    private var current: AV1Configuration?

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        let new = try AV1Configuration(record: record.span)
        guard new.sequenceHeader != nil, new != current else { return false }
        current = new
        return true
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        let unit = try AV1AccessUnit(temporalUnit: frame.payload.span)
        var changed = false
        if !unit.sequenceHeaderUnit.isEmpty, unit.sequenceHeaderUnit != current?.sequenceHeaderUnit {
            changed = try adopt(unit.sequenceHeaderUnit)
        }
        let decoded = DecodedFrame(
            payload: unit.payload,
            isKeyframe: unit.isKeyframe,
            temporalLayer: unit.temporalLayer
        )
        return (decoded, changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        try? current?.trackConfiguration(track: track, generation: generation)
    }

    private mutating func adopt(_ headerUnit: [UInt8]) throws(CodecFailure) -> Bool {
        current = try AV1Configuration(temporalUnit: headerUnit.span)
        return true
    }
}

/// VP8 and VP9, whose keyframes tell their size.
struct VPTrack: TrackDecoding {
    let codec: Codec
    private var current: VPConfiguration?
    private var announced: VPConfiguration?
    private var width = 0
    private var height = 0

    init(codec: Codec) { self.codec = codec }

    mutating func configure(_ record: ArraySlice<UInt8>) throws(CodecFailure) -> Bool {
        announced = try VPConfiguration(record: record.span)
        return false
    }

    mutating func decode(_ frame: MediaPacket.Frame) throws(CodecFailure) -> (DecodedFrame, changed: Bool) {
        guard let size = try keyframeSize(frame.payload.span) else {
            return (DecodedFrame(payload: Array(frame.payload), isKeyframe: false), false)
        }
        let changed = size.configuration != current || size.width != width || size.height != height
        (current, width, height) = (size.configuration, size.width, size.height)
        return (DecodedFrame(payload: Array(frame.payload)), changed)
    }

    func configuration(track: TrackID, generation: UInt16) -> TrackConfiguration? {
        current?.trackConfiguration(
            codec: codec,
            width: width,
            height: height,
            track: track,
            generation: generation
        )
    }

    private func keyframeSize(
        _ frame: Span<UInt8>
    ) throws(CodecFailure) -> (configuration: VPConfiguration, width: Int, height: Int)? {
        if codec == .vp8 {
            guard let header = try VP8KeyframeHeader(frame: frame) else { return nil }
            return (announced ?? VPConfiguration(keyframe: header), header.width, header.height)
        }
        guard let header = try VP9KeyframeHeader(frame: frame) else { return nil }
        return (announced ?? VPConfiguration(keyframe: header), header.width, header.height)
    }
}

extension [[UInt8]] {
    /// These sets, or `others` where there are none.
    fileprivate func or(_ others: [[UInt8]]?) -> [[UInt8]] { isEmpty ? others ?? [] : self }

    /// `known` with each set of the same number replaced and the others added.
    fileprivate func merged(into known: [[UInt8]]?, id: ([UInt8]) -> Int?) -> [[UInt8]] {
        var sets = known ?? []
        for unit in self where !sets.contains(unit) {
            if let number = id(unit), let index = sets.firstIndex(where: { id($0) == number }) {
                sets[index] = unit
            } else {
                sets.append(unit)
            }
        }
        return sets
    }
}
