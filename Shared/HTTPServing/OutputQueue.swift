import Sockets

/// What waits to be sent on one connection, in order: bytes in memory and runs of files.
struct OutputQueue {
    /// What one flush came to.
    enum Outcome: Equatable {
        case drained
        case blocked
        /// There is more to send, but other connections get their turn first.
        case yielded
        case failed
    }

    private enum Item {
        case bytes([UInt8], sent: Int)
        case file(OpenFile, offset: Int64, count: Int64)
    }

    /// Small runs of bytes are copied together up to this size, so that they leave in one packet.
    private static let coalescedByteCount = 32 << 10
    /// The bytes sent for one connection before the others have their turn.
    private static let bytesPerFlush = 1 << 20

    private var items: [Item] = []
    private var head = 0

    /// The bytes that wait.
    private(set) var byteCount: Int64 = 0

    /// Adds a piece at the end.
    mutating func append(_ piece: HTTPResponse.Piece) {
        switch piece {
        case .bytes(let bytes): append(bytes)
        case .file(let file, let offset, let count):
            guard count > 0 else { return }
            byteCount += count
            items.append(.file(file, offset: offset, count: count))
        }
    }

    /// Adds bytes at the end.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        byteCount += Int64(bytes.count)
        if items.count > head, case .bytes(var last, let sent) = items[items.count - 1],
            last.count + bytes.count <= Self.coalescedByteCount
        {
            items[items.count - 1] = .bytes([], sent: 0)
            last += bytes
            items[items.count - 1] = .bytes(last, sent: sent)
        } else {
            items.append(.bytes(bytes, sent: 0))
        }
    }

    /// Sends what the kernel takes, up to a fair share.
    mutating func flush(to socket: borrowing StreamSocket) -> Outcome {
        var budget = Self.bytesPerFlush
        while head < items.count {
            guard budget > 0 else { return .yielded }
            switch send(to: socket, upTo: budget) {
            case .moved(let count):
                budget -= count
                byteCount -= Int64(count)
                advance(by: count)
            case .wouldBlock: return .blocked
            case .ended, .failed: return .failed
            }
        }
        items.removeAll(keepingCapacity: items.capacity <= 16)
        head = 0
        return .drained
    }

    private func send(to socket: borrowing StreamSocket, upTo budget: Int) -> StreamSocket.Outcome {
        switch items[head] {
        case .bytes(let bytes, let sent):
            // SAFETY: `sent` is below the count; the kernel only reads during the call.
            unsafe bytes.withUnsafeBytes { buffer in
                unsafe socket.send(
                    UnsafeRawBufferPointer(rebasing: buffer[sent...]),
                    more: head + 1 < items.count
                )
            }
        case .file(let file, let offset, let count):
            socket.sendFile(file.rawDescriptor, offset: offset, count: Int(min(count, Int64(budget))))
        }
    }

    private mutating func advance(by count: Int) {
        switch items[head] {
        case .bytes(let bytes, let sent):
            if sent + count < bytes.count { items[head] = .bytes(bytes, sent: sent + count) } else { drop() }
        case .file(let file, let offset, let left):
            let moved = Int64(count)
            if moved < left {
                items[head] = .file(file, offset: offset + moved, count: left - moved)
            } else {
                drop()
            }
        }
    }

    private mutating func drop() {
        items[head] = .bytes([], sent: 0)
        head += 1
    }
}
