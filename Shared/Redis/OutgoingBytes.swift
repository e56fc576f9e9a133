import Glibc
import Sockets

/// The bytes that wait to be sent: small commands gathered, large ones where they are.
struct OutgoingBytes {
    enum Outcome: Equatable {
        case moved
        case drained
        case wouldBlock
        case failed(CInt)
    }

    /// Commands below this size are copied together.
    private static let smallByteCount = 4096
    /// The size at which gathered commands become a chunk of their own.
    private static let chunkByteCount = 64 << 10
    private var chunks: [[UInt8]] = []
    private var head = 0
    /// What has been sent of the first chunk.
    private var offset = 0
    private var gathered: [UInt8] = []
    private var expectedByteCount = OutgoingBytes.smallByteCount

    mutating func append(_ command: [UInt8]) {
        if command.count < Self.smallByteCount {
            if gathered.isEmpty { gathered.reserveCapacity(expectedByteCount) }
            gathered.append(contentsOf: command)
            if gathered.count >= Self.chunkByteCount { closeGathered() }
        } else {
            closeGathered()
            chunks.append(command)
        }
    }

    /// Sends what the kernel takes in one call.
    mutating func write(to descriptor: CInt) -> Outcome {
        closeGathered()
        guard head < chunks.count else { return .drained }
        let end = min(chunks.count, head + GatheredBytes.pieceLimit)
        let count = unsafe GatheredBytes.withVectors(of: chunks[head..<end], skipping: offset) { vectors in
            var message = unsafe msghdr()
            // SAFETY: the kernel only reads, from memory that is there until this returns.
            unsafe message.msg_iov = vectors.baseAddress
            unsafe message.msg_iovlen = vectors.count
            return unsafe sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL))
        }
        if count >= 0 {
            advance(by: count)
            return .moved
        }
        let code = errno
        return code == EAGAIN || code == EWOULDBLOCK || code == EINTR ? .wouldBlock : .failed(code)
    }

    private mutating func closeGathered() {
        guard !gathered.isEmpty else { return }
        // As much as last time is likely to come next time.
        expectedByteCount = max(Self.smallByteCount, gathered.count)
        chunks.append(gathered)
        gathered = []
    }

    private mutating func advance(by count: Int) {
        var rest = count + offset
        while head < chunks.count, rest >= chunks[head].count {
            rest -= chunks[head].count
            chunks[head] = []
            head += 1
        }
        offset = rest
        guard head == chunks.count || head >= 1024 else { return }
        chunks.removeFirst(head)
        head = 0
    }
}
