import RTP

@testable import SFU

/// A viewer at the end of a link with one queue, as a browser is: it shows every picture that is whole and whose
/// predecessors it has shown, asks again for what is missing, and reports on packets by number.
struct SimulatedViewer {
    private struct Packet {
        let isKeyframe: Bool
        let index: Int64
        let count: Int64
    }

    private struct Missing {
        var nextRequest: UInt64
        var requestCount = 0
    }

    static let ids = {
        var ids = HeaderExtensionIDs()
        ids[.transportSequenceNumber] = 3
        return ids
    }()
    private static let feedbackInterval: UInt64 = 100_000_000
    private static let requestInterval: UInt64 = 200_000_000
    private static let requestLimit = 10
    /// Without a picture for so long it asks for a keyframe.
    private static let patience: UInt64 = 3_000_000_000

    /// The longest time between two pictures so far, in nanoseconds.
    var longestGap: UInt64 = 0
    private(set) var shownCount = 0
    private(set) var keyframeRequestCount = 0
    private var lastShown: UInt64?
    private var recorder = ArrivalRecorder()
    private var nextFeedback: UInt64 = 0
    private var numbers = SequenceUnwrapper()
    private var packets: [Int64: Packet] = [:]
    private var missing: [Int64: Missing] = [:]
    private var highest: Int64?
    /// The number after the last picture that was shown.
    private var end: Int64?

    /// Takes a packet that has come.
    mutating func receive(_ bytes: [UInt8], now: UInt64) {
        guard let packet = try? RTPPacket(parsing: bytes.span) else { return }
        let extensions = HeaderExtensions(of: packet, in: bytes.span, ids: Self.ids)
        if let number = extensions.transportSequenceNumber { recorder.record(number, now: now) }
        let payload = Array(bytes[packet.payloadRange])
        switch packet.header.ssrc {
        case 0x1111_1111: take(packet.header.sequenceNumber, payload[...], now: now)
        case 0x2222_2222: take(UInt16(payload[0]) << 8 | UInt16(payload[1]), payload.dropFirst(2), now: now)
        default: break
        }
    }

    private mutating func take(_ number: UInt16, _ payload: ArraySlice<UInt8>, now: UInt64) {
        let sequence = numbers.unwrap(number)
        missing[sequence] = nil
        for lost in (highest ?? sequence) + 1..<max(sequence, (highest ?? sequence) + 1) {
            missing[lost] = Missing(nextRequest: now)
        }
        highest = max(highest ?? sequence, sequence)
        let start = payload.startIndex
        packets[sequence] = Packet(
            isKeyframe: payload[start] == 1,
            index: Int64(payload[start + 1]),
            count: Int64(payload[start + 2])
        )
        while let next = nextPicture() { show(next, now: now) }
    }

    private func nextPicture() -> Range<Int64>? {
        if let end, let next = picture(at: end) { return next }
        return packets.keys.filter { packets[$0]?.isKeyframe == true && packets[$0]?.index == 0 }.sorted()
            .lazy.filter { $0 >= end ?? .min }.compactMap { picture(at: $0) }.first
    }

    private func picture(at first: Int64) -> Range<Int64>? {
        guard let packet = packets[first], packet.index == 0 else { return nil }
        let range = first..<first + packet.count
        return range.allSatisfy { packets[$0] != nil } ? range : nil
    }

    private mutating func show(_ picture: Range<Int64>, now: UInt64) {
        end = picture.upperBound
        shownCount += 1
        if let lastShown { longestGap = max(longestGap, now - lastShown) }
        lastShown = now
        packets = packets.filter { $0.key >= picture.upperBound }
        missing = missing.filter { $0.key >= picture.upperBound }
    }

    /// The feedback that is due.
    mutating func takeFeedback(now: UInt64) -> TransportFeedback? {
        guard now >= nextFeedback else { return nil }
        nextFeedback = now + Self.feedbackInterval
        return recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
    }

    /// The numbers of the packets that it asks for.
    mutating func takeRequests(now: UInt64) -> [UInt16] {
        let due = missing.filter { $0.value.nextRequest <= now }.keys.sorted()
        for sequence in due {
            missing[sequence]?.nextRequest = now + Self.requestInterval
            missing[sequence]?.requestCount += 1
        }
        missing = missing.filter { $0.value.requestCount < Self.requestLimit }
        return due.map { UInt16(truncatingIfNeeded: $0) }
    }

    /// Whether it asks for a keyframe now.
    mutating func takeKeyframeRequest(now: UInt64) -> Bool {
        guard let lastShown, now - lastShown > Self.patience else { return false }
        self.lastShown = now
        longestGap = max(longestGap, Self.patience)
        keyframeRequestCount += 1
        return true
    }
}

/// A link with one queue that drops what does not fit.
struct SimulatedLink: PacketSink {
    /// Bits a second.
    var rate: Double
    /// Bytes that may wait.
    var queueByteLimit = Int.max
    /// Bytes that may wait before the link says that it is behind.
    var backlogByteLimit = Int.max
    var delay: UInt64 = 10_000_000
    var now: UInt64 = 0
    /// Packets that did not fit.
    var droppedCount = 0
    /// Bytes that were sent into it.
    var sentByteCount = 0
    private var freeAt: UInt64 = 0
    private var waiting: [(arrival: UInt64, bytes: [UInt8])] = []
    private var collector = CollectedPackets()

    init(rate: Double) { self.rate = rate }

    mutating func send(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
        collector.packets.removeAll()
        unsafe collector.send(byteCount: byteCount, write)
        sentByteCount += byteCount
        let start = max(now, freeAt)
        guard Double(start - now) / 1e9 * rate / 8 + Double(byteCount) <= Double(queueByteLimit) else {
            droppedCount += 1
            return
        }
        freeAt = start + UInt64(Double(byteCount) * 8e9 / rate)
        waiting.append((freeAt + delay, collector.packets[0]))
    }

    var isBacklogged: Bool {
        backlogByteLimit < .max && freeAt > now
            && Double(freeAt - now) / 1e9 * rate / 8 > Double(backlogByteLimit)
    }

    /// Takes what has come through, in its order.
    mutating func take() -> [(arrival: UInt64, bytes: [UInt8])] {
        let count = waiting.firstIndex { $0.arrival > now } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }
}
