/// Notes when the packets of all streams of a connection came, and tells the sender
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3).
public struct ArrivalRecorder: Sendable {
    /// Packets that one feedback speaks of at most, so that it fits into a datagram.
    public static let maximumPacketCount = 400
    /// Packets that are remembered; older ones are left out of the feedback.
    static let capacity = 4096

    private var numbers = SequenceUnwrapper()
    /// Arrivals in nanoseconds by the packet's number; 0 where it did not come.
    private var arrivals = [UInt64](repeating: 0, count: capacity)
    /// The first packet that the next feedback speaks of.
    private var base: Int64?
    private var highest: Int64 = 0
    private var feedbackCount: UInt8 = 0

    /// Creates a recorder that has seen nothing.
    public init() {}

    /// Whether something came that the sender was not told of.
    public var hasNews: Bool { base.map { $0 <= highest } ?? false }

    /// Notes that the packet with a transport-wide sequence number came at `now`, in nanoseconds.
    public mutating func record(_ number: UInt16, now: UInt64) {
        let sequence = numbers.peek(number)
        guard let base else { return begin(sequence, now: now) }
        guard sequence > highest - Int64(Self.capacity) else { return }
        if sequence - highest >= Int64(Self.capacity) { return begin(sequence, now: now) }
        if sequence > highest {
            _ = numbers.unwrap(number)
            for skipped in highest + 1..<sequence { arrivals[slot(skipped)] = 0 }
            highest = sequence
        }
        // One that comes late is told of again, with those behind it.
        if sequence < base { self.base = sequence }
        arrivals[slot(sequence)] = max(1, now)
    }

    /// Makes the next feedback, or returns `nil` where all was told; call again until then.
    public mutating func makeFeedback(senderSSRC: UInt32, mediaSSRC: UInt32) -> TransportFeedback? {
        guard var start = base, start <= highest else { return nil }
        start = max(start, highest - Int64(Self.capacity) + 1)
        // What is missing at the start is told, unless nothing else is.
        guard let first = (start...highest).first(where: { arrivals[slot($0)] != 0 }) else {
            base = highest + 1
            return nil
        }
        start = max(start, first - Int64(Self.maximumPacketCount) / 2)
        let reference = arrivals[slot(first)] / UInt64(TransportFeedback.referenceNanoseconds)
        let deltas = takeDeltas(from: start, reference: reference)
        feedbackCount &+= 1
        return TransportFeedback(
            senderSSRC: senderSSRC,
            mediaSSRC: mediaSSRC,
            baseSequenceNumber: UInt16(truncatingIfNeeded: start),
            // The sign of 24 bits fills the upper byte.
            referenceTime: (Int32(truncatingIfNeeded: reference) << 8) >> 8,
            feedbackCount: feedbackCount &- 1,
            deltas: deltas
        )
    }

    /// Measures from `start` on, as far as the steps fit their field, and moves the base.
    private mutating func takeDeltas(from start: Int64, reference: UInt64) -> [Int16?] {
        var deltas: [Int16?] = []
        let step = TransportFeedback.deltaNanoseconds
        // In whole steps, so that what rounding loses of one is in the next.
        var time = Int64(reference) * (TransportFeedback.referenceNanoseconds / step)
        var sequence = start
        while sequence <= highest, deltas.count < Self.maximumPacketCount {
            let arrival = arrivals[slot(sequence)]
            if arrival == 0 {
                deltas.append(nil)
            } else {
                let steps = Int64(clamping: arrival) / step
                guard let delta = Int16(exactly: steps - time) else { break }
                deltas.append(delta)
                time = steps
            }
            sequence += 1
        }
        base = sequence
        return deltas
    }

    private func slot(_ sequence: Int64) -> Int { Int(truncatingIfNeeded: sequence) & (Self.capacity - 1) }

    private mutating func begin(_ sequence: Int64, now: UInt64) {
        for index in arrivals.indices { arrivals[index] = 0 }
        _ = numbers.unwrap(UInt16(truncatingIfNeeded: sequence))
        base = sequence
        highest = sequence
        arrivals[slot(sequence)] = max(1, now)
    }
}
