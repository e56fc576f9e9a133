/// Finds the packets in what a connection delivers: each has its length before it, in two bytes (RFC 4571).
package struct FrameReader {
    /// Why a connection cannot be read any further.
    package enum Failure: Error, Equatable {
        /// A frame is longer than any packet that belongs here.
        case tooLong(byteCount: Int)
    }

    /// The longest frame.
    package static let frameByteLimit = 2048
    private static let prefixByteCount = 2

    private var storage: [UInt8] = []
    private var start = 0

    package init() {}

    /// Adds what was received.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        storage.removeFirst(start)
        start = 0
        // SAFETY: the bytes are copied within the call.
        unsafe storage.append(contentsOf: bytes)
    }

    /// Takes the next whole frame that is not empty.
    package mutating func next() throws(Failure) -> [UInt8]? {
        while storage.count - start >= Self.prefixByteCount {
            let count = Int(storage[start]) << 8 | Int(storage[start + 1])
            guard count <= Self.frameByteLimit else { throw .tooLong(byteCount: count) }
            let first = start + Self.prefixByteCount
            guard storage.count - first >= count else { return nil }
            start = first + count
            if count > 0 { return Array(storage[first..<start]) }
        }
        return nil
    }

    /// What has been added and not taken, for another reader to go on with.
    package var rest: [UInt8] { Array(storage[start...]) }
}
