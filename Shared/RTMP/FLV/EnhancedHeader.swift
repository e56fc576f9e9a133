internal import Bytes

/// The part that video and audio tags of Enhanced RTMP version 2 share: modifiers, track layout and codecs.
struct EnhancedHeader {
    /// How tracks share a message.
    enum Layout: UInt8 {
        case oneTrack = 0
        case manyTracks = 1
        case manyTracksManyCodecs = 2
    }

    /// One track's share of a message.
    struct Part: Equatable {
        var trackID: UInt8
        var codec: FourCC
        var range: Range<Int>
    }

    /// The packet type that announces modifiers, in both kinds of tags.
    static let modEx: UInt8 = 7
    /// Modifier type 0: nanoseconds on top of the timestamp.
    private static let timestampOffsetNano: UInt8 = 0
    /// The modifier has 24 bits; what does not fit between two milliseconds is no offset.
    private static let nanosecondLimit: UInt32 = 1_000_000

    private(set) var packetType: UInt8
    private(set) var nanosecondOffset: UInt32 = 0

    /// Creates a header that begins with `packetType` from the first byte of the tag.
    init(packetType: UInt8) {
        self.packetType = packetType
    }

    /// Reads the modifiers before the packet, skipping those that are unknown.
    mutating func readModifiers(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        while packetType == Self.modEx {
            var byteCount = Int(try reader.read(UInt8.self)) + 1
            if byteCount == 256 { byteCount = Int(try reader.read(UInt16.self)) + 1 }
            var data = ByteReader(try reader.take(byteCount))
            let types = try reader.read(UInt8.self)
            packetType = types & 15
            if types >> 4 == Self.timestampOffsetNano, let offset = try? data.readUInt24(),
                offset < Self.nanosecondLimit
            {
                nanosecondOffset = offset
            }
        }
    }

    /// Reads which tracks the rest of the message is for.
    mutating func readParts(
        _ reader: inout ByteReader,
        multitrackType: UInt8
    ) throws(TagFailure) -> [Part] {
        guard packetType == multitrackType else {
            let codec = FourCC(rawValue: try Self.readInteger(&reader))
            return [Part(trackID: 0, codec: codec, range: Self.takeRest(&reader))]
        }
        let types: UInt8 = try Self.readInteger(&reader)
        packetType = types & 15
        guard let layout = Layout(rawValue: types >> 4), packetType != multitrackType,
            packetType != Self.modEx
        else { throw .invalidMultitrack(types) }
        return try Self.readTracks(&reader, layout)
    }

    private static func readTracks(
        _ reader: inout ByteReader,
        _ layout: Layout
    ) throws(TagFailure) -> [Part] {
        var codec = FourCC(rawValue: 0)
        if layout != .manyTracksManyCodecs { codec = FourCC(rawValue: try readInteger(&reader)) }
        var parts: [Part] = []
        repeat {
            guard parts.count < TagFailure.maximumTrackCount else { throw .tooManyTracks }
            if layout == .manyTracksManyCodecs { codec = FourCC(rawValue: try readInteger(&reader)) }
            let trackID: UInt8 = try readInteger(&reader)
            let range = layout == .oneTrack ? takeRest(&reader) : try takeSized(&reader)
            parts.append(Part(trackID: trackID, codec: codec, range: range))
        } while !reader.isAtEnd
        return parts
    }

    private static func readInteger<T: FixedWidthInteger>(
        _ reader: inout ByteReader
    ) throws(TagFailure) -> T {
        do throws(ByteReader.Failure) {
            return try reader.read()
        } catch {
            throw .truncated
        }
    }

    private static func takeSized(_ reader: inout ByteReader) throws(TagFailure) -> Range<Int> {
        do throws(ByteReader.Failure) {
            let byteCount = Int(try reader.readUInt24())
            let start = reader.offset
            try reader.skip(byteCount)
            return start..<reader.offset
        } catch {
            throw .truncated
        }
    }

    private static func takeRest(_ reader: inout ByteReader) -> Range<Int> {
        let start = reader.offset
        _ = reader.takeRest()
        return start..<reader.offset
    }
}
