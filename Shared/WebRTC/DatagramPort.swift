import Glibc
import Reactor
import Sockets

/// The UDP socket of one family.
final class DatagramPort: EventHandler {
    /// Datagrams received in one wake-up, in batches, so that no flood starves the loop.
    private static let batchesPerWakeUp = 16
    private static let batchCapacity = 16
    /// After so long the rest waits for the next turn, in nanoseconds: handshakes must not hold media up.
    ///
    /// A batch is finished all the same, which takes longer where it is all handshakes.
    private static let wakeUpLimit: UInt64 = 1_000_000

    let isV4: Bool
    let outbox: DatagramOutbox
    weak var endpoint: WebRTCEndpoint?

    private let socket: DatagramSocket
    private let loop: EventLoop
    private let inbox = DatagramInbox(
        capacity: batchCapacity,
        datagramByteLimit: DatagramOutbox.datagramByteLimit
    )
    private var isOpen = false
    private var watchesWriting = false

    init(_ socket: consuming DatagramSocket, isV4: Bool, usesRuns: Bool, loop: EventLoop) {
        self.socket = socket
        self.isV4 = isV4
        self.loop = loop
        outbox = DatagramOutbox(usesRuns: usesRuns)
    }

    func start() {
        isOpen = true
        loop.watch(socket.descriptor, for: .readable, handler: self)
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(socket.descriptor)
    }

    func ready(_ events: EventSet) {
        if events.contains(.writable) {
            outbox.retry(on: socket)
            watchWriting()
        }
        let began = EventLoop.now
        for _ in 0..<Self.batchesPerWakeUp {
            let count = inbox.receive(from: socket)
            guard count > 0, let endpoint else { return }
            let now = EventLoop.now
            for index in 0..<count where !inbox.isCut(index) {
                guard let source = inbox.source(index) else { continue }
                // SAFETY: the bytes are the batch's until the next one.
                unsafe endpoint.receive(inbox.bytes(index), from: source, now: now)
            }
            guard count == inbox.capacity, isOpen, EventLoop.now &- began < Self.wakeUpLimit else { return }
        }
    }

    func room() -> UnsafeMutableRawBufferPointer {
        unsafe outbox.room(on: socket)
    }

    func flush() {
        guard !outbox.isEmpty else { return }
        outbox.flush(to: socket)
        watchWriting()
    }

    private func watchWriting() {
        guard isOpen, outbox.isBlocked != watchesWriting else { return }
        watchesWriting = outbox.isBlocked
        loop.rewatch(socket.descriptor, for: watchesWriting ? [.readable, .writable] : .readable)
    }
}
