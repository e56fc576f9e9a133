import Glibc

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
    /// Chunks in one call.
    private static let chunksPerCall = 64

    private var chunks: [[UInt8]] = []
    private var head = 0
    /// What has been sent of the first chunk.
    private var offset = 0
    private var gathered: [UInt8] = []

    mutating func append(_ command: [UInt8]) {
        if command.count < Self.smallByteCount {
            if gathered.isEmpty { gathered.reserveCapacity(Self.smallByteCount) }
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
        var vectors = unsafe [iovec]()
        unsafe vectors.reserveCapacity(Self.chunksPerCall)
        let end = min(chunks.count, head + Self.chunksPerCall)
        let count = unsafe send(chunks[head..<end], skipping: offset, after: &vectors, to: descriptor)
        if count >= 0 {
            advance(by: count)
            return .moved
        }
        let code = errno
        return code == EAGAIN || code == EWOULDBLOCK || code == EINTR ? .wouldBlock : .failed(code)
    }

    private mutating func closeGathered() {
        guard !gathered.isEmpty else { return }
        chunks.append(gathered)
        gathered = []
    }

    /// Adds the chunks one by one to `vectors`, each pinned by a frame of this recursion, and sends them all.
    private func send(
        _ rest: ArraySlice<[UInt8]>,
        skipping offset: Int,
        after vectors: inout [iovec],
        to descriptor: CInt
    ) -> Int {
        guard let first = rest.first else {
            var message = unsafe msghdr()
            return unsafe vectors.withUnsafeMutableBufferPointer { buffer in
                // SAFETY: the vectors point into chunks that the frames above hold; the kernel only reads.
                unsafe message.msg_iov = buffer.baseAddress
                unsafe message.msg_iovlen = buffer.count
                return unsafe sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL))
            }
        }
        return unsafe first.withUnsafeBytes { bytes in
            let part = unsafe UnsafeMutableRawBufferPointer(
                mutating: UnsafeRawBufferPointer(rebasing: bytes[offset...])
            )
            unsafe vectors.append(iovec(iov_base: part.baseAddress, iov_len: part.count))
            return unsafe send(rest.dropFirst(), skipping: 0, after: &vectors, to: descriptor)
        }
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
