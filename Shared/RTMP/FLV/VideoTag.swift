internal import Bytes

/// The body of a video message, legacy or enhanced.
public enum VideoTag {
    /// Numbers of the legacy header (FLV specification 10.1 §E.4.3).
    private enum Legacy {
        static let avc: UInt8 = 7
        /// Never standardised, yet what many cameras and encoders send for HEVC.
        static let hevc: UInt8 = 12
        static let sequenceHeader: UInt8 = 0
        static let pictures: UInt8 = 1
        static let endOfSequence: UInt8 = 2
    }

    private enum PacketType {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let sequenceEnd: UInt8 = 2
        /// Without a composition time, which is then 0.
        static let codedFramesX: UInt8 = 3
        static let metadata: UInt8 = 4
        static let multitrack: UInt8 = 6
    }

    private enum FrameType {
        static let key: UInt8 = 1
        static let disposable: UInt8 = 3
        static let generatedKey: UInt8 = 4
        static let command: UInt8 = 5
    }

    /// Reads the packets in the body of a video message; a message without any bytes has none.
    public static func packets(in body: [UInt8]) throws(TagFailure) -> [MediaPacket] {
        guard let first = body.first else { return [] }
        if first & 0x80 != 0 { return try enhancedPackets(in: body, first: first) }
        do throws(ByteReader.Failure) {
            return [try legacyPacket(in: body, first: first)]
        } catch {
            throw .truncated
        }
    }

    // MARK: Legacy

    private static func legacyPacket(
        in body: [UInt8],
        first: UInt8
    ) throws(ByteReader.Failure) -> MediaPacket {
        let codecID = first & 15
        let codec = codecID == Legacy.hevc ? FourCC.hevc : .avc
        guard first >> 4 != FrameType.command else {
            return MediaPacket(codec: codec, content: .ignored(.command))
        }
        guard codecID == Legacy.avc || codecID == Legacy.hevc else {
            return MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.legacyCodec(codecID)))
        }
        var reader = ByteReader(body.span)
        try reader.skip(1)
        let type = try reader.read(UInt8.self)
        if type == Legacy.endOfSequence { return MediaPacket(codec: codec, content: .sequenceEnd) }
        let compositionTime = try readCompositionTime(&reader)
        let rest = body[reader.offset...]
        switch type {
        case Legacy.sequenceHeader:
            return MediaPacket(codec: codec, content: rest.isEmpty ? .ignored(.empty) : .sequenceStart(rest))
        case Legacy.pictures:
            var frame = frame(type: first >> 4, rest)
            frame.compositionTime = compositionTime
            return MediaPacket(codec: codec, content: rest.isEmpty ? .ignored(.empty) : .coded(frame))
        default:
            return MediaPacket(codec: codec, content: .ignored(.packetType(type)))
        }
    }

    // MARK: Enhanced

    private static func enhancedPackets(
        in body: [UInt8],
        first: UInt8
    ) throws(TagFailure) -> [MediaPacket] {
        var reader = ByteReader(body.span)
        var header = EnhancedHeader(packetType: first & 15)
        do throws(ByteReader.Failure) {
            try reader.skip(1)
            try header.readModifiers(&reader)
        } catch {
            throw .truncated
        }
        let frameType = first >> 4 & 7
        if frameType == FrameType.command, header.packetType != PacketType.metadata {
            return [MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.command))]
        }
        let parts = try header.readParts(&reader, multitrackType: PacketType.multitrack)
        var packets: [MediaPacket] = []
        for part in parts {
            let content = try content(of: body[part.range], header, part.codec, frameType: frameType)
            packets.append(MediaPacket(trackID: part.trackID, codec: part.codec, content: content))
        }
        return packets
    }

    private static func content(
        of bytes: ArraySlice<UInt8>,
        _ header: EnhancedHeader,
        _ codec: FourCC,
        frameType: UInt8
    ) throws(TagFailure) -> MediaPacket.Content {
        switch header.packetType {
        case PacketType.sequenceStart:
            return bytes.isEmpty ? .ignored(.empty) : .sequenceStart(bytes)
        case PacketType.codedFrames, PacketType.codedFramesX:
            return try coded(bytes, header, codec, frameType: frameType)
        case PacketType.sequenceEnd:
            return .sequenceEnd
        case PacketType.metadata:
            return .metadata(AMF0Decoder.leadingValues(in: bytes.span))
        default:
            return .ignored(.packetType(header.packetType))
        }
    }

    private static func coded(
        _ bytes: ArraySlice<UInt8>,
        _ header: EnhancedHeader,
        _ codec: FourCC,
        frameType: UInt8
    ) throws(TagFailure) -> MediaPacket.Content {
        var reader = ByteReader(bytes.span)
        var compositionTime: Int32 = 0
        if header.packetType == PacketType.codedFrames, codec.hasCompositionTime {
            do throws(ByteReader.Failure) {
                compositionTime = try readCompositionTime(&reader)
            } catch {
                throw .truncated
            }
        }
        let rest = bytes.dropFirst(reader.offset)
        guard !rest.isEmpty else { return .ignored(.empty) }
        var frame = frame(type: frameType, rest)
        frame.compositionTime = compositionTime
        frame.nanosecondOffset = header.nanosecondOffset
        return .coded(frame)
    }

    // MARK: Both

    private static func frame(type: UInt8, _ payload: ArraySlice<UInt8>) -> MediaPacket.Frame {
        var frame = MediaPacket.Frame(
            isKeyframe: type == FrameType.key || type == FrameType.generatedKey,
            payload: payload
        )
        frame.isDisposable = type == FrameType.disposable
        return frame
    }

    /// A signed field of 24 bits.
    private static func readCompositionTime(_ reader: inout ByteReader) throws(ByteReader.Failure) -> Int32 {
        Int32(bitPattern: try reader.readUInt24() << 8) >> 8
    }
}

extension FourCC {
    /// Whether coded frames of Enhanced RTMP carry a composition time.
    fileprivate var hasCompositionTime: Bool { self == .avc || self == .hevc || self == .vvc }
}
