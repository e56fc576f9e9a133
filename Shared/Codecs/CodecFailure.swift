import Bytes

/// The ways coded bytes can fail to be what they claim; shared by every parser of this module.
public enum CodecFailure: Error, Equatable {
    /// The input ended before a field did.
    case truncated
    /// A field holds a value that the format does not allow.
    case invalid(field: Field, value: Int)
    /// The bytes do not begin with the signature of the format.
    case wrongSignature
    /// The version of the record is not one this code reads.
    case unsupportedVersion(Int)

    /// A field that was refused.
    public enum Field: Sendable, Equatable {
        case nalLengthSize
        case nalUnitLength
        case nalUnitType
        case pictureWidth
        case pictureHeight
        case chromaFormat
        case bitDepth
        case count
        case sampleRate
        case channelCount
        case objectType
        case profile
        case bitRate
        case frameLength
        case expGolombCode
    }
}

extension CodecFailure {
    /// The failure of this module that a byte reader's failure amounts to.
    init(_ failure: ByteReader.Failure) { self = .truncated }

    /// The failure of this module that a bit reader's failure amounts to.
    init(_ failure: BitReader.Failure) {
        switch failure {
        case .truncated: self = .truncated
        case .codeTooLong: self = .invalid(field: .expGolombCode, value: 32)
        }
    }

    /// The failure of this module that any error of a parser amounts to.
    init(any error: any Error) { self = error as? CodecFailure ?? .truncated }
}
