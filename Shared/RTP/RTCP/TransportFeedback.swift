import Bytes

/// When packets of all streams of a connection came, or that they did not
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
public struct TransportFeedback: Sendable, Equatable {
    /// The most packets that one feedback may speak of; more are refused.
    ///
    /// Runs take two bytes for thousands of packets, so that this bounds what a few bytes make us do.
    public static let maximumPacketCount = 4096
    /// Nanoseconds of one step of ``deltas``.
    public static let deltaNanoseconds: Int64 = 250_000
    /// Nanoseconds of one step of ``referenceTime``.
    public static let referenceNanoseconds: Int64 = 64_000_000

    /// The receiver's own source.
    public var senderSSRC: UInt32
    /// A source of the stream, which means nothing here.
    public var mediaSSRC: UInt32
    /// The transport-wide number of the first packet.
    public var baseSequenceNumber: UInt16
    /// When the first packet that came came, rounded down, in 64 ms by the receiver's clock; 24 bits, signed.
    public var referenceTime: Int32
    /// Counts feedbacks, wrapping.
    public var feedbackCount: UInt8
    /// For each packet from the first on the time since the one that came before it, for the first of them since
    /// the reference time, in 250 µs; `nil` for a packet that did not come.
    public var deltas: [Int16?]

    /// Creates a feedback.
    public init(
        senderSSRC: UInt32,
        mediaSSRC: UInt32,
        baseSequenceNumber: UInt16,
        referenceTime: Int32,
        feedbackCount: UInt8,
        deltas: [Int16?]
    ) {
        self.senderSSRC = senderSSRC
        self.mediaSSRC = mediaSSRC
        self.baseSequenceNumber = baseSequenceNumber
        self.referenceTime = referenceTime
        self.feedbackCount = feedbackCount
        self.deltas = deltas
    }

    /// Calls `body` with the number of each packet and when it came, in nanoseconds by the receiver's clock.
    public func forEach(_ body: (_ sequenceNumber: UInt16, _ arrival: Int64?) -> Void) {
        var time = Int64(referenceTime) * Self.referenceNanoseconds
        for (index, delta) in deltas.enumerated() {
            let number = baseSequenceNumber &+ UInt16(truncatingIfNeeded: index)
            if let delta {
                time &+= Int64(delta) * Self.deltaNanoseconds
                body(number, time)
            } else {
                body(number, nil)
            }
        }
    }
}

extension TransportFeedback {
    /// What is said of one packet (§3.1.1).
    enum Status: UInt16 {
        case notReceived = 0
        case smallDelta = 1
        case largeDelta = 2

        init(_ delta: Int16?) {
            switch delta {
            case nil: self = .notReceived
            case .some(0...255): self = .smallDelta
            default: self = .largeDelta
            }
        }
    }

    /// Reads the body of a feedback packet.
    @_lifetime(reader: copy reader)
    init(_ reader: inout ByteReader) throws {
        senderSSRC = try reader.read()
        mediaSSRC = try reader.read()
        baseSequenceNumber = try reader.read()
        let count = Int(try reader.read(UInt16.self))
        referenceTime = Int32(bitPattern: try reader.readUInt24() << 8) >> 8
        feedbackCount = try reader.read()
        guard count <= Self.maximumPacketCount else { throw RTCPCompound.Failure.invalidFeedback }
        deltas = []
        deltas.reserveCapacity(count)
        var statuses: [Status] = []
        statuses.reserveCapacity(count)
        while statuses.count < count {
            try Self.readChunk(try reader.read(), into: &statuses, count: count)
        }
        for status in statuses {
            switch status {
            case .notReceived: deltas.append(nil)
            case .smallDelta: deltas.append(Int16(try reader.read(UInt8.self)))
            case .largeDelta: deltas.append(try reader.read(Int16.self))
            }
        }
    }

    /// Reads a run (§3.1.3) or a vector of one or two bits each (§3.1.4).
    private static func readChunk(_ chunk: UInt16, into statuses: inout [Status], count: Int) throws {
        let missing = count - statuses.count
        if chunk & 0x8000 == 0 {
            let status = try status(chunk >> 13)
            statuses.append(contentsOf: repeatElement(status, count: min(missing, Int(chunk & 0x1fff))))
            // A run of nothing would let the same packet be read for ever by a careless loop.
            guard chunk & 0x1fff != 0 else { throw RTCPCompound.Failure.invalidFeedback }
        } else if chunk & 0x4000 == 0 {
            for index in 0..<min(missing, 14) { statuses.append(try status(chunk >> UInt16(13 - index) & 1)) }
        } else {
            for index in 0..<min(missing, 7) {
                statuses.append(try status(chunk >> UInt16(12 - 2 * index) & 3))
            }
        }
    }

    private static func status(_ value: UInt16) throws -> Status {
        guard let status = Status(rawValue: value) else { throw RTCPCompound.Failure.invalidFeedback }
        return status
    }

    /// Appends the body of a feedback packet and returns the format.
    func write(to writer: inout ByteWriter) -> UInt8 {
        let written = deltas.prefix(Self.maximumPacketCount)
        writer.write(senderSSRC)
        writer.write(mediaSSRC)
        writer.write(baseSequenceNumber)
        writer.write(UInt16(written.count))
        writer.writeUInt24(UInt32(bitPattern: referenceTime))
        writer.write(feedbackCount)
        var rest = written.map(Status.init)[...]
        while !rest.isEmpty { writer.write(Self.takeChunk(&rest)) }
        for case .some(let delta) in written {
            if let small = UInt8(exactly: delta) { writer.write(small) } else { writer.write(delta) }
        }
        return RTCPType.transportFeedbackFormat
    }

    /// Takes as many statuses as the best kind of chunk can hold.
    private static func takeChunk(_ rest: inout ArraySlice<Status>) -> UInt16 {
        let first = rest.first ?? .notReceived
        let run = rest.prefix(0x1fff).prefix { $0 == first }.count
        if run >= 14 || run == rest.count || (run > 7 && first == .largeDelta) {
            rest.removeFirst(run)
            return first.rawValue << 13 | UInt16(run)
        }
        let fits = rest.prefix(14).allSatisfy { $0 != .largeDelta }
        var chunk: UInt16 = 0
        for (index, status) in rest.prefix(fits ? 14 : 7).enumerated() {
            chunk |= status.rawValue << UInt16(fits ? 13 - index : 12 - 2 * index)
        }
        rest = rest.dropFirst(fits ? 14 : 7)
        return (fits ? 0x8000 : 0xc000) | chunk
    }
}
