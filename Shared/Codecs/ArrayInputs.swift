// The same parsers for bytes in an array, which is what configurations are kept in.

extension H264Configuration {
    /// Parses bytes in an array.
    public init(record bytes: [UInt8]) throws(CodecFailure) { try self.init(record: bytes.span) }
}

extension H264SequenceParameters {
    /// Parses bytes in an array.
    public init(nalUnit bytes: [UInt8]) throws(CodecFailure) { try self.init(nalUnit: bytes.span) }
}

extension HEVCConfiguration {
    /// Parses bytes in an array.
    public init(record bytes: [UInt8]) throws(CodecFailure) { try self.init(record: bytes.span) }
}

extension HEVCSequenceParameters {
    /// Parses bytes in an array.
    public init(nalUnit bytes: [UInt8]) throws(CodecFailure) { try self.init(nalUnit: bytes.span) }
}

extension AV1Configuration {
    /// Parses bytes in an array.
    public init(record bytes: [UInt8]) throws(CodecFailure) { try self.init(record: bytes.span) }

    /// Parses bytes in an array.
    public init(temporalUnit bytes: [UInt8]) throws(CodecFailure) { try self.init(temporalUnit: bytes.span) }
}

extension AV1AccessUnit {
    /// Parses bytes in an array.
    public init(temporalUnit bytes: [UInt8]) throws(CodecFailure) { try self.init(temporalUnit: bytes.span) }
}

extension VPConfiguration {
    /// Parses bytes in an array.
    public init(record bytes: [UInt8]) throws(CodecFailure) { try self.init(record: bytes.span) }
}

extension OpusConfiguration {
    /// Parses bytes in an array.
    public init(identificationHeader bytes: [UInt8]) throws(CodecFailure) {
        try self.init(identificationHeader: bytes.span)
    }

    /// Parses bytes in an array.
    public init(record bytes: [UInt8]) throws(CodecFailure) { try self.init(record: bytes.span) }
}

extension AACConfiguration {
    /// Parses bytes in an array.
    public init(_ bytes: [UInt8]) throws(CodecFailure) { try self.init(bytes.span) }
}

extension MP3Header {
    /// Parses bytes in an array.
    public init(frame bytes: [UInt8]) throws(CodecFailure) { try self.init(frame: bytes.span) }
}

extension AC3Header {
    /// Parses bytes in an array.
    public init(frame bytes: [UInt8]) throws(CodecFailure) { try self.init(frame: bytes.span) }
}

extension FLACConfiguration {
    /// Parses bytes in an array.
    public init(header bytes: [UInt8]) throws(CodecFailure) { try self.init(header: bytes.span) }
}

extension VP9KeyframeHeader {
    /// Parses the start of a frame in an array, or returns `nil` where it is no keyframe.
    public init?(frame bytes: [UInt8]) throws(CodecFailure) {
        try self.init(frame: bytes.span)
    }
}

extension VP8KeyframeHeader {
    /// Parses the start of a frame in an array, or returns `nil` where it is no keyframe.
    public init?(frame bytes: [UInt8]) throws(CodecFailure) {
        try self.init(frame: bytes.span)
    }
}

extension H264AccessUnit {
    /// Reads units behind length fields of `lengthSize` bytes in an array.
    public init(lengthPrefixed bytes: [UInt8], lengthSize: Int) throws(CodecFailure) {
        try self.init(lengthPrefixed: bytes.span, lengthSize: lengthSize)
    }

    /// Reads units between start codes in an array.
    public init(annexB bytes: [UInt8]) throws(CodecFailure) { try self.init(annexB: bytes.span) }
}

extension HEVCAccessUnit {
    /// Reads units behind length fields of `lengthSize` bytes in an array.
    public init(lengthPrefixed bytes: [UInt8], lengthSize: Int) throws(CodecFailure) {
        try self.init(lengthPrefixed: bytes.span, lengthSize: lengthSize)
    }

    /// Reads units between start codes in an array.
    public init(annexB bytes: [UInt8]) throws(CodecFailure) { try self.init(annexB: bytes.span) }
}

extension ADTSHeader {
    /// Parses a header in an array, or returns `nil` where there is none that makes sense.
    public init?(_ bytes: [UInt8]) { self.init(bytes.span) }
}

extension OpusPacket {
    /// Samples at 48 kHz in `packet`, or `nil` where it is empty, broken or longer than allowed.
    public static func sampleCount(of packet: [UInt8]) -> Int? { sampleCount(of: packet.span) }
}
