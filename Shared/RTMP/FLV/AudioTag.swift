internal import Bytes

/// The body of an audio message, legacy or enhanced.
public enum AudioTag {
    /// Numbers of the legacy header (FLV specification 10.1 §E.4.2).
    private enum SoundFormat {
        static let mp3: UInt8 = 2
        static let aLaw: UInt8 = 7
        static let muLaw: UInt8 = 8
        /// What follows is enhanced.
        static let extended: UInt8 = 9
        static let aac: UInt8 = 10
        static let mp3At8kHz: UInt8 = 14
    }

    /// The bit of the legacy header that tells two channels.
    private static let stereo: UInt8 = 1

    private enum PacketType {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let sequenceEnd: UInt8 = 2
        static let multichannelConfig: UInt8 = 4
        static let multitrack: UInt8 = 5
    }

    /// Reads the packets in the body of an audio message; a message without any bytes has none.
    public static func packets(in body: [UInt8]) throws(TagFailure) -> [MediaPacket] {
        guard let first = body.first else { return [] }
        if first >> 4 == SoundFormat.extended { return try enhancedPackets(in: body, first: first) }
        let rest = body.dropFirst()
        switch first >> 4 {
        case SoundFormat.aac:
            return [aacPacket(rest)]
        case SoundFormat.mp3, SoundFormat.mp3At8kHz:
            return [codedPacket(.mp3, rest)]
        // The header has no word for the 8 kHz that G.711 has everywhere; of two channels nobody sends it.
        case SoundFormat.aLaw where first & stereo == 0:
            return [codedPacket(.aLaw, rest)]
        case SoundFormat.muLaw where first & stereo == 0:
            return [codedPacket(.muLaw, rest)]
        case let format:
            return [MediaPacket(codec: FourCC(rawValue: 0), content: .ignored(.legacyCodec(format)))]
        }
    }

    private static func aacPacket(_ bytes: ArraySlice<UInt8>) -> MediaPacket {
        let rest = bytes.dropFirst()
        guard let type = bytes.first, !rest.isEmpty else {
            return MediaPacket(codec: .aac, content: .ignored(.empty))
        }
        switch type {
        case 0: return MediaPacket(codec: .aac, content: .sequenceStart(rest))
        case 1: return codedPacket(.aac, rest)
        default: return MediaPacket(codec: .aac, content: .ignored(.packetType(type)))
        }
    }

    private static func codedPacket(_ codec: FourCC, _ bytes: ArraySlice<UInt8>) -> MediaPacket {
        guard !bytes.isEmpty else { return MediaPacket(codec: codec, content: .ignored(.empty)) }
        return MediaPacket(codec: codec, content: .coded(.init(isKeyframe: true, payload: bytes)))
    }

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
        let parts = try header.readParts(&reader, multitrackType: PacketType.multitrack)
        var packets: [MediaPacket] = []
        for part in parts {
            let content = try content(of: body[part.range], header)
            packets.append(MediaPacket(trackID: part.trackID, codec: part.codec, content: content))
        }
        return packets
    }

    private static func content(
        of bytes: ArraySlice<UInt8>,
        _ header: EnhancedHeader
    ) throws(TagFailure) -> MediaPacket.Content {
        switch header.packetType {
        case PacketType.sequenceStart:
            return bytes.isEmpty ? .ignored(.empty) : .sequenceStart(bytes)
        case PacketType.codedFrames:
            guard !bytes.isEmpty else { return .ignored(.empty) }
            var frame = MediaPacket.Frame(isKeyframe: true, payload: bytes)
            frame.nanosecondOffset = header.nanosecondOffset
            return .coded(frame)
        case PacketType.sequenceEnd:
            return .sequenceEnd
        case PacketType.multichannelConfig:
            return .channels(try channels(bytes))
        default:
            return .ignored(.packetType(header.packetType))
        }
    }

    private static func channels(
        _ bytes: ArraySlice<UInt8>
    ) throws(TagFailure) -> MediaPacket.ChannelLayout {
        var reader = ByteReader(bytes.span)
        do throws(ByteReader.Failure) {
            let order = try reader.read(UInt8.self)
            let count = try reader.read(UInt8.self)
            switch order {
            case 1: return .native(count: count, mask: try reader.read())
            case 2: return .custom(try reader.takeArray(Int(count)))
            default: return .unspecified(count: count)
            }
        } catch {
            throw .truncated
        }
    }
}
