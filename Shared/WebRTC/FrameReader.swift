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

    package init() {}

    /// Adds what was received and calls `handle` with every whole frame, whose bytes it may change.
    package mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        _ handle: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(Failure) {
        unsafe storage.append(contentsOf: bytes)
        var start = 0
        while storage.count - start >= Self.prefixByteCount {
            let count = Int(storage[start]) << 8 | Int(storage[start + 1])
            guard count <= Self.frameByteLimit else { throw .tooLong(byteCount: count) }
            let first = start + Self.prefixByteCount
            guard storage.count - first >= count else { break }
            if count > 0 {
                // SAFETY: the frame lies within the storage, which is not touched during the call.
                unsafe storage.withUnsafeMutableBytes { storage in
                    unsafe handle(UnsafeMutableRawBufferPointer(rebasing: storage[first..<first + count]))
                }
            }
            start = first + count
        }
        storage.removeFirst(start)
    }
}
