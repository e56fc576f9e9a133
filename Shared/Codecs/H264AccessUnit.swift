import Bytes

/// One H.264 access unit as it goes on the bus: four-byte lengths, without parameter sets, delimiters, filler.
public struct H264AccessUnit: Sendable, Equatable {
    /// The NAL units that are kept, each behind four bytes of length; empty where there was no slice.
    public var payload: [UInt8]
    /// Whether it holds an IDR slice.
    public var isIDR: Bool
    /// Whether a recovery point is announced, from which a decoder can begin without an IDR.
    public var hasRecoveryPoint: Bool
    /// Whether every slice is intra coded.
    public var isIntra: Bool
    /// Whether nothing references the picture (`nal_ref_idc` is 0 in all its slices).
    public var isDiscardable: Bool
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
        isIDR = contents.isIDR
        hasRecoveryPoint = contents.hasRecoveryPoint
        isIntra = contents.sliceCount > 0 && contents.isIntra
        isDiscardable = contents.sliceCount > 0 && !contents.isReference
        sequenceParameterSets = contents.sequenceParameterSets
        pictureParameterSets = contents.pictureParameterSets
    }
}

extension H264AccessUnit {
    /// What one pass over the NAL units found.
    private struct Contents: AccessUnitContents {
        /// The bytes of a slice that hold its type at the latest.
        static let sliceHeadByteCount = 12

        var sliceCount = 0
        var isIDR = false
        var isReference = false
        var isIntra = true
        var hasRecoveryPoint = false
        var hasDropped = false
        var sequenceParameterSets: [[UInt8]] = []
        var pictureParameterSets: [[UInt8]] = []

        static func keeps(_ unit: Span<UInt8>) -> Bool {
            switch H264NALUnitType(header: unit[0]) {
            case .sequenceParameterSet, .pictureParameterSet, .sequenceParameterSetExtension,
                .accessUnitDelimiter, .fillerData, .endOfSequence, .endOfStream:
                false
            default: true
            }
        }

        mutating func look(at unit: Span<UInt8>) {
            let header = unit[0]
            if !Self.keeps(unit) { hasDropped = true }
            switch H264NALUnitType(header: header) {
            case .idrSlice:
                sliceCount += 1
                isIDR = true
                isReference = true
            case .slice, .dataPartitionA:
                sliceCount += 1
                if header & 0x60 != 0 { isReference = true }
                if isIntra, !Self.isIntraSlice(unit) { isIntra = false }
            case .supplementalInformation:
                if !hasRecoveryPoint { hasRecoveryPoint = Self.announcesRecoveryPoint(unit) }
            case .sequenceParameterSet: sequenceParameterSets.append([UInt8](copying: unit))
            case .pictureParameterSet: pictureParameterSets.append([UInt8](copying: unit))
            default: break
            }
        }

        /// Looks at `slice_type` (H.264 §7.3.3): I and SI, alone in the picture or not.
        private static func isIntraSlice(_ unit: Span<UInt8>) -> Bool {
            let head = unit.extracting(1..<min(unit.count, sliceHeadByteCount))
            var bits = ParameterBits(head)
            guard (try? bits.unsigned()) != nil, let type = try? bits.unsigned() else { return false }
            return type % 5 == 2 || type % 5 == 4
        }

        /// Looks for an SEI message of type 6 (H.264 §7.3.2.3).
        private static func announcesRecoveryPoint(_ unit: Span<UInt8>) -> Bool {
            var position = 1
            while position + 1 < unit.count, unit[position] != 0x80 {
                guard let type = number(in: unit, at: &position),
                    let count = number(in: unit, at: &position)
                else { return false }
                if type == 6 { return true }
                position += count
            }
            return false
        }

        private static func number(in unit: Span<UInt8>, at position: inout Int) -> Int? {
            var value = 0
            while position < unit.count {
                let byte = unit[position]
                position += 1
                value += Int(byte)
                if byte != 0xff { return value }
            }
            return nil
        }
    }
}
