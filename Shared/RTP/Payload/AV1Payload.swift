import Bytes
import Codecs

/// Cuts AV1 temporal units into RTP payloads (RTP Payload Format for AV1, version 1.0, §4).
public struct AV1Packetiser: Sendable {
    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        self.maximumPayloadByteCount = min(
            max(PayloadRun.minimumPayloadByteCount, maximumPayloadByteCount),
            16_000
        )
    }

    /// Appends the payloads of one temporal unit to `run`; the marker belongs on the last.
    ///
    /// Temporal delimiters, padding and tile lists are left out, and sizes within the units, which the elements of
    /// the payload state (§4.5).
    public func packetise(
        _ temporalUnit: Span<UInt8>,
        isKeyframe: Bool,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        let units: [AV1Units.Unit]
        do throws(CodecFailure) { units = try AV1Units.list(temporalUnit) } catch { throw .malformed }
        var elements = ElementWriter(limit: maximumPayloadByteCount, isSequenceStart: isKeyframe)
        for unit in units {
            switch unit.type {
            case .temporalDelimiter, .padding, .tileList: continue
            default: elements.add(Self.withoutSize(unit, in: temporalUnit).span, to: &run)
            }
        }
        elements.flush(to: &run)
    }

    private static func withoutSize(_ unit: AV1Units.Unit, in bytes: Span<UInt8>) -> [UInt8] {
        let start = unit.range.lowerBound
        var element: [UInt8] = []
        element.reserveCapacity(unit.range.count)
        element.append(bytes[start] & ~2)
        if bytes[start] & 4 != 0 { element.append(bytes[start + 1]) }
        return element + [UInt8](copying: bytes.extracting(unit.payloadOffset..<unit.range.upperBound))
    }
}

/// Fills payloads with elements, each behind its length.
private struct ElementWriter {
    private let limit: Int
    private var isSequenceStart: Bool
    private var payload: [UInt8] = []
    private var continues = false

    init(limit: Int, isSequenceStart: Bool) {
        self.limit = limit
        self.isSequenceStart = isSequenceStart
    }

    /// Adds one unit, in pieces where it does not fit.
    mutating func add(_ unit: Span<UInt8>, to run: inout PayloadRun) {
        var start = 0
        while start < unit.count {
            if payload.isEmpty { begin() }
            let count = min(unit.count - start, room)
            guard count > 0 else {
                end(continues: start > 0, to: &run)
                continue
            }
            append(unit.extracting(start..<start + count))
            start += count
            if start < unit.count { end(continues: true, to: &run) }
        }
    }

    /// Bytes that an element can have in this payload, its length of one or two bytes taken off.
    private var room: Int {
        let rest = limit - payload.count
        return rest - 1 <= 0x7f ? max(0, rest - 1) : max(0x7f, rest - 2)
    }

    /// Begins a payload with its aggregation header (§4.4); W is 0, so that every element has a length.
    private mutating func begin() {
        payload.append((continues ? 0x80 : 0) | (isSequenceStart ? 0x08 : 0))
        isSequenceStart = false
    }

    private mutating func append(_ element: Span<UInt8>) {
        AV1Length.append(element.count, to: &payload)
        payload += [UInt8](copying: element)
    }

    private mutating func end(continues: Bool, to run: inout PayloadRun) {
        if continues { payload[0] |= 0x40 }
        run.append(payload.span)
        payload.removeAll(keepingCapacity: true)
        self.continues = continues
    }

    mutating func flush(to run: inout PayloadRun) {
        if !payload.isEmpty { end(continues: false, to: &run) }
    }
}

/// Puts AV1 temporal units together from RTP payloads (RTP Payload Format for AV1, version 1.0, §4).
public struct AV1Depacketiser: Depacketising {
    private var unit: FrameBuffer
    /// The pieces of a unit that goes on in the next payload.
    private var open: FrameBuffer
    private var isOpen = false

    /// Creates a depacketiser for temporal units of at most `maximumByteCount` bytes.
    public init(maximumByteCount: Int = Depacketiser.maximumAccessUnitByteCount) {
        unit = FrameBuffer(limit: maximumByteCount)
        open = FrameBuffer(limit: maximumByteCount)
    }

    /// Adds the next payload of the temporal unit.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard payload.count > 1 else { throw .truncated }
        let header = payload[0]
        guard (header & 0x80 != 0) == isOpen else {
            throw isOpen ? .fragmentNotEnded : .fragmentWithoutStart
        }
        let elementCount = Int(header >> 4 & 3)
        var position = 1
        var index = 0
        while position < payload.count {
            index += 1
            var count = payload.count - position
            if elementCount == 0 || index < elementCount {
                count = try AV1Length.read(payload, at: &position)
            }
            guard count <= payload.count - position else { throw .truncated }
            try open.add(payload.extracting(position..<position + count))
            position += count
            isOpen = position == payload.count && header & 0x40 != 0
            if !isOpen { try close() }
        }
    }

    /// Takes over a whole unit, and states its size in it (AV1 §5.3.2).
    private mutating func close() throws(PayloadFailure) {
        let whole = open.take()
        guard let first = whole.first else { return }
        guard first & 0x80 == 0 else { throw .malformed }
        if first >> 3 & 15 == AV1UnitType.temporalDelimiter.rawValue { return }
        guard first & 2 == 0 else { return try unit.add(whole.span) }
        let headerCount = first & 4 != 0 ? 2 : 1
        guard whole.count >= headerCount else { throw .truncated }
        var sized = [first | 2]
        if headerCount == 2 { sized.append(whole[1]) }
        AV1Length.append(whole.count - headerCount, to: &sized)
        try unit.add(sized.span)
        try unit.add(whole.span.extracting(headerCount..<whole.count))
    }

    /// Hands out the temporal unit, each unit in it with its size, and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] {
        guard !isOpen else { throw .fragmentNotEnded }
        return unit.take()
    }

    /// Throws away what is there.
    public mutating func reset() {
        unit.reset()
        open.reset()
        isOpen = false
    }

    /// Whether a temporal unit can begin with `payload`: not with the rest of a unit, nor with tiles.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        guard payload.count > 2, payload[0] & 0x80 == 0 else { return false }
        var position = 1
        if payload[0] >> 4 & 3 != 1 { _ = try? AV1Length.read(payload, at: &position) }
        guard position < payload.count else { return false }
        return payload[position] >> 3 & 15 != AV1UnitType.tileGroup.rawValue
    }
}

/// Numbers in groups of seven bits, lowest first (AV1 §4.10.5).
enum AV1Length {
    static func read(_ bytes: Span<UInt8>, at position: inout Int) throws(PayloadFailure) -> Int {
        var value = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            guard position < bytes.count else { throw .truncated }
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw .malformed
    }

    static func append(_ value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest & 0x7f | 0x80))
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
