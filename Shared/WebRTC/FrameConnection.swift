import Glibc
import ICE
import Reactor
import Sockets

/// One TCP connection of a peer whose network blocks UDP (RFC 6544, passive).
///
/// What is too much for the path must not gather here: it would all have to go before anything newer can. So the kernel
/// takes little more than it can send at once, and who has a choice is told by ``isBacklogged`` to wait and choose then.
/// Nor may it gather on the way: routers in front of narrow links hold seconds of it, and TCP fills them.
final class FrameConnection: EventHandler {
    /// What may wait to be sent; further packets are dropped, as a congested network would.
    static let outputByteLimit = 64 * 1024
    /// How long the oldest of it may wait before further packets are dropped.
    static let outputWaitLimit = Duration.milliseconds(500)
    /// Beyond this the connection is behind.
    static let backlogByteLimit = 2 * 1024
    /// What the kernel may hold that has not been sent once.
    static let unsentByteCount = 4 * 1024
    /// What it may hold altogether: some Mbit/s over some hundred milliseconds.
    static let sendByteCount = 256 * 1024
    /// A round trip that is so much longer than the shortest was shows a queue on the way.
    static let pathDelayLimit = Duration.milliseconds(200)
    /// Nothing is added to such a queue while more than this is not confirmed; less would starve beside others in it.
    static let unconfirmedByteLimit = 16 * 1024
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
    private var output = FrameQueue(byteLimit: outputByteLimit, waitLimit: outputWaitLimit.nanoseconds)
    private var isOpen = true
    private var watchesWriting = false

    init(_ socket: consuming StreamSocket, pair: CandidatePair, endpoint: WebRTCEndpoint) {
        self.socket = socket
        self.pair = pair
        self.endpoint = endpoint
        loop = endpoint.loop
        opened = EventLoop.now
        lastReceived = opened
        self.socket.boundSending(unsentByteCount: Self.unsentByteCount, byteCount: Self.sendByteCount)
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

    /// Whether more would only wait, here or on the way, or be dropped.
    var isBacklogged: Bool {
        output.byteCount > Self.backlogByteLimit || output.isStuck(at: EventLoop.now) || isQueuedOnTheWay
    }

    private var isQueuedOnTheWay: Bool {
        socket.pathDelay() > Self.pathDelayLimit && socket.unconfirmedByteCount() > Self.unconfirmedByteLimit
    }

    /// Bytes that wait here.
    var backlogByteCount: Int { output.byteCount }

    /// Queues one frame.
    func send(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen else { return }
        guard unsafe output.add(bytes, at: EventLoop.now) else { return droppedCount &+= 1 }
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
    /// - Parameter frame: The newest frame, which whoever goes on with it is to have again, with all that came after it.
    /// - Returns: What goes on elsewhere, or `nil` where there is nothing left of it.
    func detach(before frame: Span<UInt8>) -> ForeignConnection? {
        guard isOpen else { return nil }
        isOpen = false
        loop.unwatch(socket.descriptor)
        let descriptor = dup(socket.descriptor)
        endpoint?.forget(self)
        guard descriptor >= 0 else { return nil }
        var received = [UInt8(frame.count >> 8), UInt8(frame.count & 255)]
        // SAFETY: the bytes are copied within the call.
        unsafe frame.withUnsafeBytes { unsafe received.append(contentsOf: $0) }
        return ForeignConnection(pair: pair, received: received + reader.rest, descriptor: descriptor)
    }

    /// Goes on with what another loop has read.
    func take(_ received: [UInt8]) {
        unsafe received.withUnsafeBytes { unsafe reader.add($0) }
        takeFrames()
    }

    private func receive() -> Bool {
        // SAFETY: the buffer lives for the closure and is read as far as it was filled.
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.receiveByteCount, alignment: 16) { buffer in
            switch unsafe socket.receive(into: buffer) {
            case .moved(let count):
                lastReceived = EventLoop.now
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
                unsafe reader.add(bytes)
                takeFrames()
                return isOpen && count == buffer.count
            case .wouldBlock: return false
            case .ended, .failed:
                close()
                return false
            }
        }
    }

    /// Takes what is whole, unless the connection is closed or given up in the middle of it.
    private func takeFrames() {
        do {
            while isOpen, var frame = try reader.next() {
                unsafe frame.withUnsafeMutableBytes { unsafe endpoint?.receive($0, on: self) }
            }
        } catch {
            close()
        }
    }

    private func flush() {
        guard isOpen, output.byteCount > 0 else { return }
        switch unsafe output.withBytes({ unsafe socket.send($0) }) {
        case .moved(let count): output.remove(count)
        case .wouldBlock: break
        case .ended, .failed: return close()
        }
        watchWriting(output.byteCount > 0)
    }

    private func watchWriting(_ isWanted: Bool) {
        guard isWanted != watchesWriting else { return }
        watchesWriting = isWanted
        loop.rewatch(socket.descriptor, for: isWanted ? [.readable, .writable] : .readable)
    }
}
