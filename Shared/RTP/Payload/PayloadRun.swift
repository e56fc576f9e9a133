import Bytes

/// The payloads of packets that follow each other, in one piece of memory that is used again.
///
/// Where they are the payloads of an access unit, the marker belongs on the last.
public struct PayloadRun: Sendable, Equatable {
    /// The smallest size of payloads that packetisers obey.
    public static let minimumPayloadByteCount = 64

    /// The payloads, one directly behind the other.
    public private(set) var bytes: [UInt8] = []
    /// Where each ends in ``bytes``.
    public private(set) var ends: [Int] = []

    /// Creates a run with room for `capacity` bytes.
    public init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// The number of payloads.
    public var count: Int { ends.count }

    /// Whether there is none.
    public var isEmpty: Bool { ends.isEmpty }

    /// Where a payload lies in ``bytes``.
    public func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// Copies a payload.
    public subscript(_ index: Int) -> [UInt8] { Array(bytes[range(index)]) }

    /// Takes all out and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Appends the payloads of `other`.
    public mutating func append(_ other: PayloadRun) {
        let start = bytes.count
        bytes += other.bytes
        for end in other.ends { ends.append(start + end) }
    }

    /// Appends one payload.
    public mutating func append(_ payload: Span<UInt8>) {
        add(payload)
        endPayload()
    }

    /// Appends to the payload that is being made.
    mutating func add(_ piece: Span<UInt8>) {
        unsafe piece.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe bytes.append(contentsOf: buffer)
        }
    }

    /// Appends one byte to the payload that is being made.
    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    /// Appends two bytes in big-endian order to the payload that is being made.
    mutating func add(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    /// Ends the payload that is being made.
    mutating func endPayload() { ends.append(bytes.count) }
}

/// How one piece of media is cut into fragments of one size, but for the last, which may be shorter, so that the
/// kernel can be given them as one run.
struct FragmentSizes: Equatable {
    var count: Int
    var size: Int

    /// Cuts `byteCount` bytes into as few fragments of at most `maximum` bytes as possible, as even as possible.
    init(byteCount: Int, maximum: Int) {
        count = max(1, (byteCount + maximum - 1) / maximum)
        // Nothing at all still needs a size that a loop can go on by.
        size = max(1, (byteCount + count - 1) / count)
    }
}
