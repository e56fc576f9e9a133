import Bytes

/// Receives one source: puts packets in order, asks for those that are missing, and after a bounded wait declares
/// them lost (RFC 4585 §6.2.1).
///
/// Call ``next(now:)`` after every packet and whenever ``deadline`` has come, and send what
/// ``takeRequests(now:)`` returns.
public struct PacketReceiver: Sendable {
    /// How long packets are waited for.
    public struct Settings: Sendable, Equatable {
        /// The packets that are held, a power of two, 16,384 at most; a gap that is as large is taken for a new beginning.
        public var capacity = 2048
        /// The wait for a missing packet that cannot be asked for, in nanoseconds.
        public var waitWithoutRequests: UInt64 = 60_000_000
        /// Requests that are given the time to be answered; where one in ten packets is lost either way, fewer leave
        /// a hole every few seconds, and the picture stands still until a keyframe comes.
        public var awaitedRequestCount: UInt64 = 5
        /// The longest wait for a missing packet, in nanoseconds.
        public var maximumWait: UInt64 = 300_000_000
        /// The wait before a packet is asked for the first time, in nanoseconds.
        public var reorderTime: UInt64 = 10_000_000
        /// Newer packets that make the first request due at once.
        public var reorderCount: Int64 = 3
        /// The shortest time between two requests for one packet, in nanoseconds.
        public var minimumRequestInterval: UInt64 = 20_000_000
        /// The most requests for one packet.
        public var requestCount = 10
        /// Whether the sender answers requests.
        public var isRepairable = true

        /// Creates the default settings.
        public init() {}
    }

    /// What the stream goes on with.
    public enum Delivery: Sendable, Equatable {
        /// The next packet in order.
        case packet(ReceivedPacket)
        /// As many packets will not come.
        case lost(Int64)
        /// The source began anew; nothing that came before goes on.
        case restarted
    }

    /// How long packets are waited for.
    public let settings: Settings
    /// What was counted.
    public private(set) var statistics: ReceiveStatistics
    /// The round trip to the sender, in nanoseconds: measured by how long retransmissions take; set it before the
    /// first where it is known better.
    public var roundTrip: UInt64 = 50_000_000
    /// Packets that came twice or after they were given up.
    public private(set) var uselessCount: UInt64 = 0
    /// Packets that only a retransmission brought.
    public private(set) var repairedCount: UInt64 = 0
    /// Packets that were given up.
    public private(set) var lostCount: UInt64 = 0

    private var slots: [ReceivedPacket?]
    private var missing = MissingPackets()
    private var sequences = SequenceUnwrapper()
    private var timestamps = TimestampUnwrapper()
    /// The next packet to deliver.
    private var head: Int64 = 0
    private var highest: Int64?
    private var hasRestarted = false
    private var hasMeasuredRoundTrip = false
    /// The number that would confirm a new beginning (RFC 3550 §A.1).
    private var probation: UInt16?

    private static let longestRoundTrip: UInt64 = 1_000_000_000

    /// Creates a receiver for timestamps of `clockRate` ticks a second.
    public init(clockRate: UInt32, settings: Settings = Settings()) {
        self.settings = settings
        statistics = ReceiveStatistics(clockRate: clockRate)
        slots = Array(repeating: nil, count: max(64, settings.capacity.nextPowerOfTwo))
    }

    /// How long a missing packet is waited for now.
    public var wait: UInt64 {
        guard settings.isRepairable else { return settings.waitWithoutRequests }
        let interval = min(requestInterval, settings.maximumWait)
        return min(settings.maximumWait, settings.reorderTime &+ settings.awaitedRequestCount &* interval)
    }

    /// From one request for a packet to the next.
    private var requestInterval: UInt64 { max(settings.minimumRequestInterval, roundTrip) }

    /// Takes in a packet that came at `now`, or one that a retransmission brought back.
    public mutating func receive(
        _ header: RTPHeader,
        payload: Span<UInt8>,
        isRetransmission: Bool = false,
        now: UInt64
    ) {
        let sequence = sequences.peek(header.sequenceNumber)
        if highest == nil { head = sequence }
        let distance = sequence - head
        guard abs(distance) < Int64(slots.count) else {
            return restart(with: header, payload: payload, isRetransmission: isRetransmission, now: now)
        }
        probation = nil
        count(sequence, header, byteCount: payload.count, isRetransmission: isRetransmission, now: now)
        guard distance >= 0, slots[slot(sequence)] == nil else {
            uselessCount += 1
            return
        }
        if isRetransmission, missing.noticed(sequence) != nil {
            repairedCount += 1
            measureRoundTrip(of: sequence, now: now)
        }
        notice(sequence, now: now)
        slots[slot(sequence)] = ReceivedPacket(
            sequence: sequence,
            timestamp: timestamps.unwrap(header.timestamp),
            hasMarker: header.hasMarker,
            payloadType: header.payloadType,
            arrival: now,
            payload: [UInt8](copying: payload)
        )
    }

    /// Notes a report of the source.
    public mutating func receive(_ report: SenderReport, now: UInt64) {
        statistics.receive(report, now: now)
    }

    /// Makes the report block of the source.
    public mutating func makeReportBlock(ssrc: UInt32, now: UInt64) -> ReportBlock {
        statistics.makeReportBlock(ssrc: ssrc, now: now)
    }

    /// Returns what the stream goes on with, or `nil` where it has to wait.
    public mutating func next(now: UInt64) -> Delivery? {
        if hasRestarted {
            hasRestarted = false
            return .restarted
        }
        guard let highest, head <= highest else { return nil }
        if let packet = slots[slot(head)] {
            slots[slot(head)] = nil
            head += 1
            return .packet(packet)
        }
        return giveUp(now: now, highest: highest)
    }

    /// Returns the numbers of packets to ask for now.
    public mutating func takeRequests(now: UInt64) -> [UInt16] {
        guard settings.isRepairable, !missing.isEmpty, let highest else { return [] }
        return missing.takeRequests(
            now: now,
            overtakenBefore: highest - settings.reorderCount,
            again: requestInterval,
            maximumCount: settings.requestCount
        )
    }

    /// When to look for requests and lost packets again, `nil` where nothing is missing.
    public var deadline: UInt64? {
        guard !missing.isEmpty else { return nil }
        let loss = missing.firstNoticed.map { $0 &+ wait }
        let request = settings.isRepairable ? missing.nextRequest(maximumCount: settings.requestCount) : nil
        return [loss, request].compactMap(\.self).min()
    }
}

extension PacketReceiver {
    private func slot(_ sequence: Int64) -> Int { Int(truncatingIfNeeded: sequence) & (slots.count - 1) }

    private mutating func count(
        _ sequence: Int64,
        _ header: RTPHeader,
        byteCount: Int,
        isRetransmission: Bool,
        now: UInt64
    ) {
        // A retransmission came late on purpose and says nothing of the way.
        guard !isRetransmission else { return }
        statistics.receive(sequence: sequence, timestamp: header.timestamp, byteCount: byteCount, now: now)
    }

    /// Learns from a retransmission that answers one request how long the way there and back is.
    private mutating func measureRoundTrip(of sequence: Int64, now: UInt64) {
        guard let request = missing.onlyRequest(of: sequence), now > request else { return }
        let time = min(now - request, Self.longestRoundTrip)
        roundTrip = hasMeasuredRoundTrip ? (min(roundTrip, Self.longestRoundTrip) * 3 + time) / 4 : time
        hasMeasuredRoundTrip = true
    }

    /// Ends the wait for `sequence`, or begins it for all that it has overtaken.
    private mutating func notice(_ sequence: Int64, now: UInt64) {
        guard let highest else {
            highest = sequence
            _ = sequences.unwrap(UInt16(truncatingIfNeeded: sequence))
            return
        }
        guard sequence > highest else { return missing.remove(sequence) }
        let tolerance = settings.reorderTime
        missing.notice(max(head, highest + 1)..<sequence, now: now, tolerance: tolerance)
        self.highest = sequence
        _ = sequences.unwrap(UInt16(truncatingIfNeeded: sequence))
    }

    private mutating func giveUp(now: UInt64, highest: Int64) -> Delivery? {
        let wait = wait
        let start = head
        while head < highest, slots[slot(head)] == nil {
            if let noticed = missing.noticed(head), now < noticed &+ wait { break }
            head += 1
        }
        guard head > start else { return nil }
        missing.remove(before: head)
        lostCount += UInt64(head - start)
        return .lost(head - start)
    }

    /// Begins anew where two packets that follow each other are far from all others (RFC 3550 §A.1).
    private mutating func restart(
        with header: RTPHeader,
        payload: Span<UInt8>,
        isRetransmission: Bool,
        now: UInt64
    ) {
        guard !isRetransmission, probation == header.sequenceNumber else {
            probation = isRetransmission ? probation : header.sequenceNumber &+ 1
            uselessCount += 1
            return
        }
        for index in slots.indices { slots[index] = nil }
        missing.removeAll()
        sequences = SequenceUnwrapper()
        statistics.restart()
        highest = nil
        probation = nil
        hasRestarted = true
        receive(header, payload: payload, now: now)
    }
}

extension Int {
    /// The number itself, or the next larger power of two.
    fileprivate var nextPowerOfTwo: Int {
        let value = Swift.min(Swift.max(1, self), 1 << 14)
        return value & (value - 1) == 0 ? value : 1 << (Int.bitWidth - value.leadingZeroBitCount)
    }
}
