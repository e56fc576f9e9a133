import Crypto
import Glibc
import Reactor
import Sockets

/// A connected socket with TLS on it or not, and what could not be sent yet; for one event loop.
final class RTMPTransport {
    /// What arrived in one read.
    enum Received {
        /// Nothing more for now.
        case nothing
        /// The peer has gone.
        case ended
    }

    /// Bytes that may wait for a client that does not read; a client that lets more pile up is closed.
    static let waitingByteLimit = 256 << 10
    /// Reads in one wake-up, so that one client does not starve the others.
    private static let readsPerWakeUp = 4

    let descriptor: CInt
    private let socket: StreamSocket
    private let security: Security?
    private var waiting: [UInt8] = []
    private(set) var isWritePending = false

    private final class Security {
        var engine: TLSServerEngine
        init(_ identity: TLSIdentity) { engine = TLSServerEngine(identity) }
    }

    /// Takes ownership of a connected descriptor.
    init(owning descriptor: CInt, identity: TLSIdentity?) {
        self.descriptor = descriptor
        socket = StreamSocket(owning: descriptor)
        security = identity.map(Security.init)
    }

    /// Asks the kernel to find out about a peer that has vanished.
    func enableKeepalive() { socket.enableKeepalive(idle: 15, interval: 5) }

    /// Reads what has arrived, up to a bound, and hands it out piece by piece until `deliver` says stop.
    ///
    /// What has not been read by then is read the next time.
    func read(through buffer: ReadBuffer, deliver: (Span<UInt8>) -> Bool) -> Received {
        for _ in 0..<Self.readsPerWakeUp {
            // SAFETY: the buffer is the loop's own and lives through the call.
            switch unsafe socket.receive(into: buffer.storage) {
            case .moved(let count):
                if let outcome = receive(buffer.prefix(count), deliver) { return outcome }
                if count < ReadBuffer.byteCount { return .nothing }
            case .wouldBlock: return .nothing
            case .ended, .failed: return .ended
            }
        }
        return .nothing
    }

    /// Sends `bytes` now or as soon as the peer reads.
    ///
    /// - Returns: whether the connection still works.
    func send(_ bytes: [UInt8]) -> Bool {
        guard let security else { return transmit(bytes) }
        let progress = security.engine.send(bytes.span)
        return transmit(progress.ciphertext) && progress.end == nil
    }

    /// Sends what is waiting, once there is room.
    ///
    /// - Returns: whether the connection still works.
    func flush() -> Bool {
        let bytes = waiting
        waiting = []
        isWritePending = false
        return transmit(bytes)
    }

    /// Says goodbye as far as the protocol knows how to.
    func finish() {
        if let security { _ = transmit(security.engine.close().ciphertext) }
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Why to read no more, `nil` where there is no reason.
    private func receive(_ bytes: Span<UInt8>, _ deliver: (Span<UInt8>) -> Bool) -> Received? {
        guard let security else { return deliver(bytes) ? nil : .nothing }
        let progress = security.engine.receive(bytes)
        guard transmit(progress.ciphertext) else { return .ended }
        if !progress.plaintext.isEmpty, !deliver(progress.plaintext.span) { return .nothing }
        return progress.end == nil ? nil : .ended
    }

    private func transmit(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        var sent = 0
        if waiting.isEmpty {
            let outcome = unsafe bytes.withUnsafeBytes { buffer in
                // SAFETY: the kernel reads within the array before the call returns.
                unsafe socket.send(buffer)
            }
            switch outcome {
            case .moved(let count): sent = count
            case .wouldBlock: break
            case .ended, .failed: return false
            }
        }
        if sent < bytes.count {
            waiting += bytes[sent...]
            isWritePending = true
        }
        return waiting.count <= Self.waitingByteLimit
    }
}

/// Where every read of one loop lands.
@safe final class ReadBuffer: @unchecked Sendable {
    /// The most that one read takes.
    static let byteCount = 64 << 10

    // SAFETY: one loop uses it, and no span of it outlives the read that filled it.
    let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)

    deinit { unsafe storage.deallocate() }

    /// The first `count` bytes.
    @_lifetime(borrow self)
    func prefix(_ count: Int) -> Span<UInt8> {
        // SAFETY: the bytes live as long as the buffer, which the span borrows.
        let bytes = unsafe UnsafeBufferPointer(storage.bindMemory(to: UInt8.self))
        let span = unsafe Span(_unsafeElements: bytes)
        return unsafe _overrideLifetime(span.extracting(0..<count), borrowing: self)
    }
}
