import Glibc
import ICE
import Reactor
import Sockets

/// One TCP connection of a peer whose network blocks UDP (RFC 6544, passive).
final class FrameConnection: EventHandler {
    /// What may wait to be sent; further packets are dropped, as a congested network would.
    static let outputByteLimit = 512 * 1024
    private static let receiveByteCount = 16 * 1024
    private static let receivesPerWakeUp = 8

    let pair: CandidatePair
    /// Whose connection it is, once a check has proven it.
    var peer: PeerTransport?
    /// When the connection was made.
    let opened: UInt64
    /// When bytes last came.
    private(set) var lastReceived: UInt64
    private(set) var droppedCount: UInt64 = 0

    private let socket: StreamSocket
    private let loop: EventLoop
    private weak var endpoint: WebRTCEndpoint?
    private var reader = FrameReader()
    private var output: [UInt8] = []
    private var sentByteCount = 0
    private var isOpen = true
    private var watchesWriting = false

    init(_ socket: consuming StreamSocket, pair: CandidatePair, endpoint: WebRTCEndpoint) {
        self.socket = socket
        self.pair = pair
        self.endpoint = endpoint
        loop = endpoint.loop
        opened = EventLoop.now
        lastReceived = opened
        loop.watch(self.socket.descriptor, for: .readable, handler: self)
    }

    /// Whether a check has shown whose it is, and the peer still knows this way.
    var isProven: Bool { peer?.knows(pair) ?? false }

    func ready(_ events: EventSet) {
        if events.contains(.writable) { flush() }
        for _ in 0..<Self.receivesPerWakeUp {
            guard isOpen, receive() else { return }
        }
    }

    /// Queues one frame.
    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen, bytes.count <= Int(UInt16.max) else { return }
        guard output.count - sentByteCount + bytes.count + 2 <= Self.outputByteLimit else {
            droppedCount &+= 1
            return
        }
        output += [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)]
        unsafe output.append(contentsOf: bytes)
        flush()
    }

    /// Closes the connection and tells the endpoint; safe to call twice.
    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(socket.descriptor)
        _ = shutdown(socket.descriptor, CInt(SHUT_RDWR))
        endpoint?.forget(self)
    }

    /// Gives the connection up without closing it.
    ///
    /// - Returns: A descriptor of it that is the caller's to close, or `nil` where there is none left.
    func detach() -> CInt? {
        guard isOpen else { return nil }
        isOpen = false
        loop.unwatch(socket.descriptor)
        let descriptor = dup(socket.descriptor)
        endpoint?.forget(self)
        return descriptor < 0 ? nil : descriptor
    }

    private func receive() -> Bool {
        // SAFETY: the buffer lives for the closure and is read as far as it was filled.
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.receiveByteCount, alignment: 16) { buffer in
            switch unsafe socket.receive(into: buffer) {
            case .moved(let count):
                lastReceived = EventLoop.now
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
                do {
                    try unsafe reader.receive(bytes) { unsafe endpoint?.receive($0, on: self) }
                } catch {
                    close()
                }
                return isOpen && count == buffer.count
            case .wouldBlock: return false
            case .ended, .failed:
                close()
                return false
            }
        }
    }

    private func flush() {
        guard isOpen, sentByteCount < output.count else { return }
        let outcome = unsafe output.withUnsafeBytes { bytes in
            unsafe socket.send(UnsafeRawBufferPointer(rebasing: bytes[sentByteCount...]))
        }
        switch outcome {
        case .moved(let count): sentByteCount += count
        case .wouldBlock: break
        case .ended, .failed: return close()
        }
        let isDone = sentByteCount == output.count
        if isDone || sentByteCount > Self.outputByteLimit / 2 {
            output.removeFirst(sentByteCount)
            sentByteCount = 0
        }
        watchWriting(!isDone)
    }

    private func watchWriting(_ isWanted: Bool) {
        guard isWanted != watchesWriting else { return }
        watchesWriting = isWanted
        loop.rewatch(socket.descriptor, for: isWanted ? [.readable, .writable] : .readable)
    }
}
