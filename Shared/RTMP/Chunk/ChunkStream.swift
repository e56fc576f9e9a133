/// What one chunk stream remembers between chunks.
struct ChunkStream {
    /// Longer absolute times are never also the distance to the next message.
    private static let longestPlausibleDelta: UInt32 = 1000

    let id: UInt32
    private(set) var timestamp: UInt32 = 0
    private var delta: UInt32 = 0
    private var extendedField: UInt32?
    private(set) var messageByteCount = 0
    private(set) var messageType: UInt8 = 0
    private(set) var messageStreamID: UInt32 = 0
    /// What has arrived of the message so far.
    var payload: [UInt8] = []
    /// Whether a message has begun that is not complete.
    private(set) var isInMessage = false

    init(id: UInt32) {
        self.id = id
    }

    /// The bytes that the message still lacks.
    var missingByteCount: Int { messageByteCount - payload.count }

    /// How many bytes the extended timestamp of a format 3 chunk takes, given what follows its header.
    ///
    /// The specification wants the field repeated, some senders leave it out, and some write the message's
    /// time where others repeat a delta. The bytes themselves tell: media that happens to begin with the
    /// very same 32 bits would be one chunk in four billion.
    ///
    /// - Returns: `nil` where more bytes are needed to tell.
    func repeatedTimestampByteCount(_ bytes: Span<UInt8>) -> Int? {
        guard let extendedField else { return 0 }
        let candidates = [extendedField, timestamp, timestamp &+ delta]
        var isUndecided = false
        for candidate in candidates {
            let agreeing = Self.commonPrefix(of: candidate.bigEndian, bytes)
            if agreeing == 4 { return 4 }
            if agreeing == bytes.count { isUndecided = true }
        }
        return isUndecided ? nil : 0
    }

    private static func commonPrefix(of value: UInt32, _ bytes: Span<UInt8>) -> Int {
        var count = 0
        while count < 4, count < bytes.count,
            bytes[count] == UInt8(truncatingIfNeeded: value >> UInt32(8 * count))
        {
            count += 1
        }
        return count
    }

    /// Begins a message by `header`.
    mutating func begin(_ header: ChunkHeader) {
        switch header.format {
        case 0:
            timestamp = header.timestamp
            // §5.3.1.2.4 makes the time itself the delta of a format 3 chunk that follows. Senders that
            // mean "at the same time" write the same bytes, so only a plausible delta is believed.
            delta = header.timestamp <= Self.longestPlausibleDelta ? header.timestamp : 0
            messageStreamID = header.messageStreamID
        case 1, 2:
            delta = header.timestamp
            timestamp &+= delta
        default:
            timestamp &+= delta
        }
        if header.format < 3 { extendedField = header.isExtended ? header.timestamp : nil }
        if header.format < 2 {
            messageByteCount = Int(header.messageByteCount)
            messageType = header.messageType
        }
        isInMessage = true
    }

    /// Forgets the message that is not complete and returns how many of its bytes had arrived.
    mutating func discard() -> Int {
        let count = payload.count
        payload = []
        isInMessage = false
        return count
    }

    /// Hands out the complete message.
    mutating func finish() -> RawMessage {
        var message = RawMessage(
            type: messageType,
            streamID: messageStreamID,
            timestamp: timestamp,
            payload: []
        )
        swap(&message.payload, &payload)
        isInMessage = false
        return message
    }
}
