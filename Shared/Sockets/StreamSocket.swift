import CPlatform
import Glibc

/// A connected, non-blocking stream socket.
public struct StreamSocket: ~Copyable, Sendable {
    /// What one call on the socket did.
    public enum Outcome: Equatable, Sendable {
        /// Bytes were moved; fewer than asked for is normal.
        case moved(Int)
        /// Nothing can be moved now; wait until the descriptor is ready.
        case wouldBlock
        /// The peer has ended its direction.
        case ended
        /// The connection is gone, by this `errno`.
        case failed(CInt)
    }

    /// The descriptor, for watching it.
    public let descriptor: CInt

    /// Takes ownership of a connected descriptor.
    public init(owning descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Begins to connect to a literal address; the descriptor becomes writable when it is decided.
    public static func connecting(
        to address: String,
        port: UInt16
    ) throws(SystemCallError) -> StreamSocket {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe cplatform_connect_tcp(address, port)
        guard descriptor >= 0 else {
            throw SystemCallError(call: "connect to \(address):\(port)", code: errno)
        }
        return StreamSocket(owning: descriptor)
    }

    /// The reason why a connection attempt failed, or `nil` where it succeeded.
    public borrowing func connectionError() -> SystemCallError? {
        let code = cplatform_socket_error(descriptor)
        return code == 0 ? nil : SystemCallError(call: "connect", code: code)
    }

    /// Makes the kernel notice a dead peer after about `idle + 3 × interval` seconds.
    public borrowing func enableKeepalive(idle: Int, interval: Int) {
        _ = cplatform_set_keepalive(descriptor, CInt(clamping: idle), CInt(clamping: interval), 3)
    }

    /// Bounds what the kernel takes to be sent, where what comes late is of no use.
    ///
    /// - Parameters:
    ///   - unsentByteCount: Bytes that have not been sent once; beyond that the socket is not writable.
    ///   - byteCount: All bytes that the peer has not confirmed; half of what the kernel then uses for them.
    public borrowing func boundSending(unsentByteCount: Int, byteCount: Int) {
        _ = cplatform_bound_sending(descriptor, CInt(clamping: unsentByteCount), CInt(clamping: byteCount))
    }

    /// By how much the round trip is longer than the shortest was: what waits on the way; zero where that is not known.
    public borrowing func pathDelay() -> Duration { .microseconds(cplatform_path_delay(descriptor)) }

    /// Bytes that the peer has not confirmed, sent or not.
    public borrowing func unconfirmedByteCount() -> Int { Int(cplatform_unconfirmed_bytes(descriptor)) }

    /// Receives into `buffer`.
    public borrowing func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        // SAFETY: the kernel writes at most `count` bytes into the caller's buffer.
        let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { return .moved(count) }
        return count == 0 ? .ended : Self.outcome(of: errno)
    }

    /// Sends what the kernel takes of `bytes`; `more` tells it that the rest follows at once.
    public borrowing func send(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Outcome {
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        // SAFETY: the kernel only reads, within the buffer, before the call returns.
        let count = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
        return count >= 0 ? .moved(count) : Self.outcome(of: errno)
    }

    /// Sends `count` bytes of `file` from `offset` without copying them through the process.
    public borrowing func sendFile(_ file: CInt, offset: Int64, count: Int) -> Outcome {
        var position = off_t(offset)
        // SAFETY: the kernel updates a local variable before the call returns.
        let moved = unsafe cplatform_sendfile(descriptor, file, &position, count)
        if moved > 0 { return .moved(moved) }
        return moved == 0 ? .ended : Self.outcome(of: errno)
    }

    /// Tells the peer that nothing more will be sent; receiving goes on.
    public borrowing func endSending() {
        _ = shutdown(descriptor, CInt(SHUT_WR))
    }

    private static func outcome(of code: CInt) -> Outcome {
        code == EAGAIN || code == EWOULDBLOCK || code == EINTR ? .wouldBlock : .failed(code)
    }
}
