internal import Bytes

/// Messages of type 22: FLV tags with their headers one after another (RTMP specification §7.1.6).
enum AggregateMessage {
    /// The tags that are whole; what follows a broken one is left out.
    static func tags(in raw: RawMessage) -> [MediaMessage] {
        var reader = ByteReader(raw.payload.span)
        var tags: [MediaMessage] = []
        var firstTimestamp: UInt32?
        while let tag = try? readTag(&reader) {
            let first = firstTimestamp ?? tag.timestamp
            firstTimestamp = first
            guard let kind = kind(of: tag.type) else { continue }
            // The times inside are shifted so that the first is the message's.
            let timestamp = raw.timestamp &+ (tag.timestamp &- first)
            tags.append(MediaMessage(kind, timestamp: timestamp, payload: tag.payload))
        }
        return tags
    }

    /// A message of `tags`.
    static func raw(_ tags: [MediaMessage]) -> RawMessage {
        var writer = ByteWriter()
        for tag in tags {
            writer.write(tag.kind == .audio ? MessageType.audio : MessageType.video)
            writer.writeUInt24(UInt32(truncatingIfNeeded: tag.payload.count))
            writer.writeUInt24(tag.timestamp)
            writer.write(UInt8(truncatingIfNeeded: tag.timestamp >> 24))
            writer.writeUInt24(0)
            writer.write(contentsOf: tag.payload)
            writer.write(UInt32(truncatingIfNeeded: tag.payload.count + 11))
        }
        let timestamp = tags.first?.timestamp ?? 0
        return RawMessage(
            type: MessageType.aggregate,
            streamID: 1,
            timestamp: timestamp,
            payload: writer.bytes
        )
    }

    private static func kind(of type: UInt8) -> MediaMessage.Kind? {
        switch type {
        case MessageType.audio: .audio
        case MessageType.video: .video
        default: nil
        }
    }

    private static func readTag(_ reader: inout ByteReader) throws(ByteReader.Failure) -> RawMessage {
        let type = try reader.read(UInt8.self)
        let byteCount = Int(try reader.readUInt24())
        let low = try reader.readUInt24()
        let high = try reader.read(UInt8.self)
        try reader.skip(3)
        let payload = try reader.takeArray(byteCount)
        // The size of the tag before, which nobody needs and some leave out at the end.
        if reader.remaining >= 4 { try reader.skip(4) }
        return RawMessage(
            type: type & 0x1f,
            streamID: 0,
            timestamp: UInt32(high) << 24 | low,
            payload: payload
        )
    }
}
