internal import Bytes

/// One RTMP message, understood.
public enum Message: Sendable, Equatable {
    /// The ways a message can fail to be what its type says.
    public enum Failure: Error, Equatable, Sendable {
        case truncated(type: UInt8)
    }

    case setChunkSize(UInt32)
    case abort(chunkStreamID: UInt32)
    case acknowledgement(byteCount: UInt32)
    case userControl(UserControl)
    case windowAcknowledgementSize(UInt32)
    case setPeerBandwidth(UInt32, limitType: UInt8)
    case audio(timestamp: UInt32, payload: [UInt8])
    case video(timestamp: UInt32, payload: [UInt8])
    /// A call or its answer; `nil` where the values could not be read.
    case command(Command?, streamID: UInt32)
    /// Metadata and other script data.
    case data([AMF0Value], streamID: UInt32, timestamp: UInt32)
    /// Several tags in one message, each with its FLV header.
    case aggregate([MediaMessage])
    /// A message that this server has no use for.
    case other(type: UInt8)

    /// Understands `raw`.
    public init(_ raw: RawMessage) throws(Failure) {
        switch raw.type {
        case MessageType.audio:
            self = .audio(timestamp: raw.timestamp, payload: raw.payload)
        case MessageType.video:
            self = .video(timestamp: raw.timestamp, payload: raw.payload)
        case MessageType.aggregate:
            self = .aggregate(AggregateMessage.tags(in: raw))
        case MessageType.commandAMF0, MessageType.commandAMF3, MessageType.dataAMF0, MessageType.dataAMF3:
            self = Self.script(raw)
        default:
            do throws(ByteReader.Failure) {
                self = try Self.control(raw)
            } catch {
                throw .truncated(type: raw.type)
            }
        }
    }

    private static func script(_ raw: RawMessage) -> Message {
        let isAMF3 = raw.type == MessageType.commandAMF3 || raw.type == MessageType.dataAMF3
        // Such a message begins with the encoding of what follows, which encoders leave at AMF0.
        let skipped = isAMF3 && raw.payload.first == 0 ? 1 : 0
        let values = AMF0Decoder.leadingValues(
            in: raw.payload.span.extracting(skipped..<raw.payload.count)
        )
        if raw.type == MessageType.commandAMF0 || raw.type == MessageType.commandAMF3 {
            return .command(Command(values), streamID: raw.streamID)
        }
        return .data(values, streamID: raw.streamID, timestamp: raw.timestamp)
    }

    private static func control(_ raw: RawMessage) throws(ByteReader.Failure) -> Message {
        var reader = ByteReader(raw.payload.span)
        switch raw.type {
        case MessageType.setChunkSize: return .setChunkSize(try reader.read())
        case MessageType.abort: return .abort(chunkStreamID: try reader.read())
        case MessageType.acknowledgement: return .acknowledgement(byteCount: try reader.read())
        case MessageType.userControl: return .userControl(try UserControl(raw.payload.span))
        case MessageType.windowAcknowledgementSize:
            return .windowAcknowledgementSize(try reader.read())
        case MessageType.setPeerBandwidth:
            let size = try reader.read(UInt32.self)
            // Old encoders leave the limit type out; 2 is "dynamic".
            return .setPeerBandwidth(size, limitType: (try? reader.read()) ?? 2)
        default: return .other(type: raw.type)
        }
    }

    /// The message as chunks carry it.
    public var raw: RawMessage {
        switch self {
        case .setChunkSize(let size): Self.control(MessageType.setChunkSize, size)
        case .abort(let chunkStreamID): Self.control(MessageType.abort, chunkStreamID)
        case .acknowledgement(let byteCount): Self.control(MessageType.acknowledgement, byteCount)
        case .userControl(let event): Self.control(MessageType.userControl, event.bytes)
        case .windowAcknowledgementSize(let size):
            Self.control(MessageType.windowAcknowledgementSize, size)
        case .setPeerBandwidth(let size, let limitType):
            Self.control(MessageType.setPeerBandwidth, Self.bytes(of: size) + [limitType])
        case .audio(let timestamp, let payload):
            RawMessage(type: MessageType.audio, streamID: 1, timestamp: timestamp, payload: payload)
        case .video(let timestamp, let payload):
            RawMessage(type: MessageType.video, streamID: 1, timestamp: timestamp, payload: payload)
        case .command(let command, let streamID):
            RawMessage(
                type: MessageType.commandAMF0,
                streamID: streamID,
                timestamp: 0,
                payload: AMF0Encoder.encode(command?.values ?? [])
            )
        case .data(let values, let streamID, let timestamp):
            RawMessage(
                type: MessageType.dataAMF0,
                streamID: streamID,
                timestamp: timestamp,
                payload: AMF0Encoder.encode(values)
            )
        case .aggregate(let tags): AggregateMessage.raw(tags)
        case .other(let type): Self.control(type, [])
        }
    }

    private static func control(_ type: UInt8, _ value: UInt32) -> RawMessage {
        control(type, bytes(of: value))
    }

    private static func control(_ type: UInt8, _ payload: [UInt8]) -> RawMessage {
        RawMessage(type: type, streamID: 0, timestamp: 0, payload: payload)
    }

    private static func bytes(of value: UInt32) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 5)
        writer.write(value)
        return writer.bytes
    }
}
