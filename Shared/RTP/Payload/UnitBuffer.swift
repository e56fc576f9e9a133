import Codecs

/// The access unit that a depacketiser for NAL units is putting together: lengths of four bytes, then the units.
struct UnitBuffer: Sendable, Equatable {
    /// What is there so far.
    private(set) var bytes: [UInt8] = []
    /// The most bytes of an access unit.
    var limit: Int
    private var unitCount = 0
    /// Where the length of a unit stands whose fragments are still coming.
    private var openUnit: Int?

    init(limit: Int) { self.limit = limit }

    /// Whether fragments of a unit are still to come.
    var isOpen: Bool { openUnit != nil }

    /// Appends a whole unit; an empty one is left out.
    mutating func append(_ unit: Span<UInt8>) throws(PayloadFailure) {
        guard !unit.isEmpty else { return }
        try begin()
        try add(unit)
        end()
    }

    /// Appends the units of an aggregation packet, each behind its length in two bytes.
    mutating func append(aggregate payload: Span<UInt8>, from start: Int) throws(PayloadFailure) {
        var position = start
        guard position <= payload.count else { throw .truncated }
        while position < payload.count {
            guard payload.count - position >= 2 else { throw .truncated }
            let count = Int(payload.bigEndian16(at: position))
            position += 2
            guard count <= payload.count - position else { throw .truncated }
            try append(payload.extracting(position..<position + count))
            position += count
        }
    }

    /// Begins a unit of which fragments follow.
    mutating func begin() throws(PayloadFailure) {
        guard openUnit == nil else { throw .fragmentNotEnded }
        guard unitCount < NALUnits.maximumCount else { throw .tooLarge(byteCount: bytes.count) }
        unitCount += 1
        openUnit = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: 4))
    }

    /// Appends to the unit that is open.
    mutating func add(_ piece: Span<UInt8>) throws(PayloadFailure) {
        guard openUnit != nil else { throw .fragmentWithoutStart }
        guard bytes.count + piece.count <= limit else {
            throw .tooLarge(byteCount: bytes.count + piece.count)
        }
        unsafe piece.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe bytes.append(contentsOf: buffer)
        }
    }

    /// Appends one byte to the unit that is open.
    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    /// Ends the unit that is open.
    mutating func end() {
        guard let start = openUnit else { return }
        var span = bytes.mutableSpan
        span.store(UInt32(truncatingIfNeeded: span.count - start - 4), at: start)
        openUnit = nil
    }

    /// Hands out the access unit and begins anew.
    mutating func take() throws(PayloadFailure) -> [UInt8] {
        guard openUnit == nil else { throw .fragmentNotEnded }
        let taken = bytes
        reset()
        return taken
    }

    /// Throws away what is there.
    mutating func reset() {
        bytes = []
        unitCount = 0
        openUnit = nil
    }
}
