/// The frames that wait on one connection, each with its length before it (RFC 4571).
///
/// Whatever waits is late, and what follows it too: once the oldest has waited for long, nothing more is taken.
struct FrameQueue {
    private struct Frame {
        /// Bytes that are left, length and all.
        var byteCount: Int
        let added: UInt64
    }

    private static let prefixByteCount = 2

    private let byteLimit: Int
    private let waitLimit: UInt64
    private var bytes: [UInt8] = []
    private var start = 0
    private var frames: [Frame] = []

    /// Creates an empty queue.
    ///
    /// - Parameters:
    ///   - byteLimit: Bytes that may wait.
    ///   - waitLimit: Nanoseconds after which the oldest frame keeps others from being added.
    init(byteLimit: Int, waitLimit: UInt64) {
        self.byteLimit = byteLimit
        self.waitLimit = waitLimit
    }

    /// Bytes that wait.
    var byteCount: Int { bytes.count - start }

    /// Whether the oldest has waited so long that no more is taken.
    func isStuck(at now: UInt64) -> Bool { frames.first.map { now &- $0.added > waitLimit } ?? false }

    /// Adds one frame.
    ///
    /// - Returns: `false` where too much waits, or it waits for too long: the frame is dropped.
    mutating func add(_ frame: UnsafeRawBufferPointer, at now: UInt64) -> Bool {
        let count = frame.count + Self.prefixByteCount
        guard frame.count <= Int(UInt16.max), byteCount + count <= byteLimit, !isStuck(at: now) else {
            return false
        }
        bytes += [UInt8(frame.count >> 8), UInt8(frame.count & 255)]
        // SAFETY: the bytes are copied within the call.
        unsafe bytes.append(contentsOf: frame)
        frames.append(Frame(byteCount: count, added: now))
        return true
    }

    /// Gives what waits, in its order.
    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        unsafe bytes.withUnsafeBytes { bytes in
            // SAFETY: the start never lies behind the end.
            unsafe body(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    /// Takes note that the first `count` bytes have left.
    mutating func remove(_ count: Int) {
        start += count
        if start == bytes.count || start > byteLimit / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        var rest = count
        var whole = 0
        while whole < frames.count, frames[whole].byteCount <= rest {
            rest -= frames[whole].byteCount
            whole += 1
        }
        frames.removeFirst(whole)
        if rest > 0, !frames.isEmpty { frames[0].byteCount -= rest }
    }
}
