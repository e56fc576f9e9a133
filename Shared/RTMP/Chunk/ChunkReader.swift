/// Puts messages together from chunks that arrive in slices of any size.
///
/// The two messages that speak about chunks themselves, Set Chunk Size and Abort, are obeyed here and never
/// handed out. Every byte of a payload is copied once, from the input into its message.
public struct ChunkReader: Sendable {
    /// The ways a peer can break the chunk layer; the connection cannot go on after any.
    public enum Failure: Error, Equatable, Sendable {
        case invalidChunkSize(UInt32)
        case messageTooLarge(byteCount: Int, limit: Int)
        case tooManyChunkStreams
        case tooManyPartialBytes
        /// The first chunk of a chunk stream did not say the length and type of its message.
        case headerMissing(chunkStreamID: UInt32)
        case truncatedControlMessage(type: UInt8)
    }

    /// What a peer may make us hold.
    public struct Limits: Sendable, Equatable {
        /// The largest message; 16 MiB − 1 is the most that the format can say.
        public var messageByteCount = 0xff_ffff
        /// Chunk streams in use on one connection; encoders use three to six.
        public var chunkStreamCount = 64
        /// Bytes of all messages that are not complete yet.
        public var partialByteCount = 24 << 20

        /// Creates the default limits.
        public init() {}
    }

    /// The chunk size before anybody sets one.
    public static let initialChunkSize = 128
    /// No message is longer, so neither is a chunk (§5.4.1).
    public static let maximumChunkSize = 0xff_ffff
    /// What is allocated for a message before its bytes are there.
    private static let maximumReservation = 1 << 20

    /// What a peer may make us hold; may be changed at any time.
    public var limits: Limits
    /// The most bytes in one chunk, as the peer last set it.
    public private(set) var chunkSize = initialChunkSize

    private var streams: [ChunkStream] = []
    private var partialHeader: [UInt8] = []
    private var surplus: [UInt8] = []
    private var current = 0
    private var missingInChunk = 0
    private var isInChunk = false
    private var partialByteCount = 0

    /// Creates a reader for the first byte after the handshake.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Reads on from `offset` in `bytes` until a message is complete.
    ///
    /// - Returns: the message, with `offset` behind its last byte, or `nil` at the end of `bytes`.
    public mutating func next(
        in bytes: Span<UInt8>,
        from offset: inout Int
    ) throws(Failure) -> RawMessage? {
        while true {
            if let message = try nextFromSurplus() { return message }
            guard hasStep(at: offset, in: bytes) else { return nil }
            if let message = try step(bytes, &offset) { return message }
        }
    }

    /// Reads the bytes that were looked at for a repeated timestamp and turned out to be something else.
    private mutating func nextFromSurplus() throws(Failure) -> RawMessage? {
        while !surplus.isEmpty {
            let source = surplus
            var offset = 0
            surplus = []
            while surplus.isEmpty, hasStep(at: offset, in: source.span) {
                guard let message = try step(source.span, &offset) else { continue }
                surplus = Array(source[offset...])
                return message
            }
            surplus += source[offset...]
        }
        return nil
    }

    private func hasStep(at offset: Int, in bytes: Span<UInt8>) -> Bool {
        offset < bytes.count || (isInChunk && missingInChunk == 0)
    }

    private mutating func step(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Failure) -> RawMessage? {
        if isInChunk {
            try takePayload(bytes, &offset)
            return try finishChunk()
        }
        try takeHeader(bytes, &offset)
        return nil
    }

    // MARK: Payload

    private mutating func takePayload(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Failure) {
        let count = min(missingInChunk, bytes.count - offset)
        guard partialByteCount + count <= limits.partialByteCount else { throw .tooManyPartialBytes }
        streams[current].payload.append(copying: bytes.extracting(offset..<offset + count))
        partialByteCount += count
        missingInChunk -= count
        offset += count
    }

    private mutating func finishChunk() throws(Failure) -> RawMessage? {
        guard missingInChunk == 0 else { return nil }
        isInChunk = false
        guard streams[current].missingByteCount == 0 else { return nil }
        let message = streams[current].finish()
        partialByteCount -= message.payload.count
        switch message.type {
        case MessageType.setChunkSize:
            try setChunkSize(message)
            return nil
        case MessageType.abort:
            try abort(message)
            return nil
        default:
            return message
        }
    }

    private mutating func setChunkSize(_ message: RawMessage) throws(Failure) {
        let size = try value(of: message)
        guard size > 0, size <= UInt32(Int32.max) else { throw .invalidChunkSize(size) }
        chunkSize = min(Int(size), Self.maximumChunkSize)
    }

    private mutating func abort(_ message: RawMessage) throws(Failure) {
        let id = try value(of: message)
        guard let index = streams.firstIndex(where: { $0.id == id }) else { return }
        partialByteCount -= streams[index].discard()
    }

    private func value(of message: RawMessage) throws(Failure) -> UInt32 {
        guard message.payload.count >= 4 else { throw .truncatedControlMessage(type: message.type) }
        return ChunkHeader.bigEndian32(message.payload.span, at: 0)
    }

    // MARK: Headers

    private mutating func takeHeader(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Failure) {
        if partialHeader.isEmpty {
            let rest = bytes.extracting(offset..<bytes.count)
            if let header = wholeHeader(rest) {
                offset += header.byteCount
                return try begin(header)
            }
        }
        // The input ended within the header, this time or the last.
        while offset < bytes.count {
            partialHeader.append(bytes[offset])
            offset += 1
            let header = wholeHeader(partialHeader.span)
            guard let header else { continue }
            surplus = Array(partialHeader[header.byteCount...])
            partialHeader = []
            return try begin(header)
        }
    }

    private mutating func begin(_ header: ChunkHeader) throws(Failure) {
        current = try index(for: header)
        if header.format < 3, streams[current].isInMessage {
            partialByteCount -= streams[current].discard()
        }
        if !streams[current].isInMessage {
            streams[current].begin(header)
            let byteCount = streams[current].messageByteCount
            guard byteCount <= limits.messageByteCount else {
                throw .messageTooLarge(byteCount: byteCount, limit: limits.messageByteCount)
            }
            streams[current].payload.reserveCapacity(min(byteCount, Self.maximumReservation))
        }
        missingInChunk = min(chunkSize, streams[current].missingByteCount)
        isInChunk = true
    }

    private mutating func index(for header: ChunkHeader) throws(Failure) -> Int {
        if let index = index(of: header.chunkStreamID) { return index }
        // librtmp begins a chunk stream with format 1, which leaves the message stream at 0.
        guard header.format < 2 else { throw .headerMissing(chunkStreamID: header.chunkStreamID) }
        guard streams.count < limits.chunkStreamCount else { throw .tooManyChunkStreams }
        streams.append(ChunkStream(id: header.chunkStreamID))
        return streams.count - 1
    }

    private func index(of chunkStreamID: UInt32) -> Int? {
        streams.firstIndex { $0.id == chunkStreamID }
    }

    private func wholeHeader(_ bytes: Span<UInt8>) -> ChunkHeader? {
        guard var header = ChunkHeader(bytes) else { return nil }
        guard header.format == 3, let index = index(of: header.chunkStreamID) else { return header }
        let rest = bytes.extracting(header.byteCount..<bytes.count)
        guard let repeated = streams[index].repeatedTimestampByteCount(rest) else { return nil }
        header.byteCount += repeated
        return header
    }
}
