/// Cuts messages into chunks.
public struct ChunkWriter: Sendable {
    private struct Previous {
        var timestamp: UInt32
        var byteCount: Int
        var type: UInt8
        var streamID: UInt32
    }

    /// The most bytes in one chunk; tell the peer before raising it.
    public var chunkSize = ChunkReader.initialChunkSize
    /// Whether headers are shortened by what the message before has said.
    public var compressesHeaders: Bool
    private var previous: [UInt8: Previous] = [:]

    /// Creates a writer that writes whole headers, or shorter ones where that is asked for.
    public init(compressesHeaders: Bool = false) {
        self.compressesHeaders = compressesHeaders
    }

    /// Appends the chunks of `message` on a chunk stream to `output`.
    ///
    /// - Precondition: `chunkStreamID` is 2 to 63.
    public mutating func write(
        _ message: RawMessage,
        on chunkStreamID: UInt8,
        to output: inout [UInt8]
    ) {
        precondition((2...63).contains(chunkStreamID))
        let extended = writeHeader(of: message, on: chunkStreamID, to: &output)
        var offset = min(chunkSize, message.payload.count)
        output += message.payload[..<offset]
        while offset < message.payload.count {
            output.append(3 << 6 | chunkStreamID)
            if let extended { Self.append(extended, to: &output) }
            let end = min(offset + chunkSize, message.payload.count)
            output += message.payload[offset..<end]
            offset = end
        }
    }

    private mutating func writeHeader(
        of message: RawMessage,
        on chunkStreamID: UInt8,
        to output: inout [UInt8]
    ) -> UInt32? {
        let format = format(of: message, on: chunkStreamID)
        let base = format == 0 ? 0 : previous[chunkStreamID]?.timestamp ?? 0
        let time = message.timestamp &- base
        let extended = time >= ChunkHeader.extendedTimestampMark ? time : nil
        output.append(format << 6 | chunkStreamID)
        Self.append24(extended == nil ? time : ChunkHeader.extendedTimestampMark, to: &output)
        if format < 2 {
            Self.append24(UInt32(truncatingIfNeeded: message.payload.count), to: &output)
            output.append(message.type)
        }
        if format == 0 { Self.append(message.streamID.byteSwapped, to: &output) }
        if let extended { Self.append(extended, to: &output) }
        previous[chunkStreamID] = Previous(
            timestamp: message.timestamp,
            byteCount: message.payload.count,
            type: message.type,
            streamID: message.streamID
        )
        return extended
    }

    private func format(of message: RawMessage, on chunkStreamID: UInt8) -> UInt8 {
        guard compressesHeaders, let last = previous[chunkStreamID],
            last.streamID == message.streamID, message.timestamp >= last.timestamp
        else { return 0 }
        return last.byteCount == message.payload.count && last.type == message.type ? 2 : 1
    }

    private static func append24(_ value: UInt32, to output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: value >> 16))
        output.append(UInt8(truncatingIfNeeded: value >> 8))
        output.append(UInt8(truncatingIfNeeded: value))
    }

    private static func append(_ value: UInt32, to output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: value >> 24))
        append24(value, to: &output)
    }
}
