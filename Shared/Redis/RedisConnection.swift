import CHiredis
import Glibc
import Reactor

/// One connection, on its event loop only: hiredis connects and parses, the loop moves the bytes.
///
/// The asynchronous half of hiredis is not used: it copies every command into one growing buffer, which for
/// media costs more than everything else together. Here large commands go to the kernel from where they are.
/// Replies come in the order of the commands, so each command's completion is called exactly once.
@safe final class RedisConnection: EventHandler, @unchecked Sendable {
    // SAFETY: loop-confined; `Sendable` only so that it can ask its own loop to call it later.

    typealias Completion = (Result<RedisValue, RedisError>) -> Void

    private struct Pending {
        var completion: Completion?
        var deadline: UInt64
    }

    /// Reads in one wake-up, so that no flood of replies starves the loop.
    private static let readsPerWakeUp = 16
    private static let readByteCount = 64 << 10
    /// What hiredis may keep of its buffer between replies.
    private static let parserByteCount = 1 << 20

    private let loop: EventLoop
    private var context: UnsafeMutablePointer<redisContext>?
    private let descriptor: CInt
    private var interest: EventSet
    private var isConnecting = true
    private var isWriteScheduled = false
    private var outgoing = OutgoingBytes()
    private var incoming = [UInt8](repeating: 0, count: RedisConnection.readByteCount)
    private var pending = FIFO<Pending>()
    private var connected: (() -> Void)?
    private var closed: ((RedisError) -> Void)?

    /// The commands that wait for their replies.
    var pendingCount: Int { pending.count }

    /// Begins to connect; calls `connected` at most once and `closed` exactly once, never before it returns.
    static func connect(
        to endpoint: RedisAddress.Endpoint,
        loop: EventLoop,
        connected: @escaping () -> Void,
        closed: @escaping (RedisError) -> Void
    ) throws(RedisError) -> RedisConnection {
        // SAFETY: the C strings live for the calls; hiredis copies them.
        let created =
            switch endpoint {
            case .tcp(let host, let port): unsafe redisConnectNonBlock(host, CInt(port))
            case .unix(let path): unsafe redisConnectUnixNonBlock(path)
            }
        guard let context = unsafe created else { throw RedisError(.unavailable, "out of memory") }
        // SAFETY: the context is valid until `redisFree`; nobody else knows it yet.
        guard unsafe context.pointee.err == 0 else {
            let reason = unsafe text(of: &context.pointee.errstr)
            unsafe redisFree(context)
            throw RedisError(.unavailable, reason)
        }
        unsafe context.pointee.reader.pointee.maxbuf = parserByteCount
        let connection = unsafe RedisConnection(context, loop: loop, connected: connected, closed: closed)
        loop.watch(connection.descriptor, for: .writable, handler: connection)
        return connection
    }

    private init(
        _ context: UnsafeMutablePointer<redisContext>,
        loop: EventLoop,
        connected: @escaping () -> Void,
        closed: @escaping (RedisError) -> Void
    ) {
        unsafe self.context = context
        // SAFETY: the context is alive.
        descriptor = unsafe context.pointee.fd
        interest = .writable
        self.loop = loop
        self.connected = connected
        self.closed = closed
    }

    /// Sends `command`; `completion` is called exactly once, on the loop, never before this returns.
    ///
    /// - Returns: `false`, and `completion` is not called, where the connection is closed.
    func send(_ command: [UInt8], deadline: UInt64, completion: @escaping Completion) -> Bool {
        guard closed != nil else { return false }
        pending.append(Pending(completion: completion, deadline: deadline))
        outgoing.append(command)
        writeSoon()
        return true
    }

    /// Fails the commands whose deadline has passed.
    ///
    /// - Returns: whether there was one; replies come in order, so the connection is then useless.
    func expire(at now: UInt64) -> Bool {
        var expired: [Completion] = []
        pending.mutateEach { item in
            guard item.deadline <= now, let completion = item.completion else { return }
            item.completion = nil
            expired.append(completion)
        }
        for completion in expired { completion(.failure(RedisError(.timedOut, "no reply in time"))) }
        return !expired.isEmpty
    }

    /// Ends the connection; what is pending fails.
    func close() { fail("closed") }

    /// Moves bytes between the socket and hiredis.
    func ready(_ events: EventSet) {
        if isConnecting { return finishConnecting() }
        if !events.isDisjoint(with: [.readable, .hungUp, .failed]) { read() }
        if events.contains(.writable) { write() }
    }

    private func finishConnecting() {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        // SAFETY: the kernel fills a local variable of the size that it is told.
        _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        // SAFETY: strerror returns a valid string for every code; it is copied at once.
        if code != 0 { return fail(unsafe String(cString: strerror(code))) }
        isConnecting = false
        watch([.readable])
        let connected = connected
        self.connected = nil
        connected?()
    }

    // MARK: Writing

    /// Writes at the end of this turn of the loop, so that pipelined commands leave in one call.
    private func writeSoon() {
        guard !isWriteScheduled, !isConnecting else { return }
        isWriteScheduled = true
        loop.execute {
            self.isWriteScheduled = false
            self.write()
        }
    }

    private func write() {
        while closed != nil, !isConnecting {
            switch outgoing.write(to: descriptor) {
            case .moved: continue
            case .drained: return watch([.readable])
            case .wouldBlock: return watch([.readable, .writable])
            // SAFETY: strerror returns a valid string for every code; it is copied at once.
            case .failed(let code): return fail(unsafe String(cString: strerror(code)))
            }
        }
    }

    private func watch(_ events: EventSet) {
        guard events != interest, closed != nil else { return }
        interest = events
        loop.rewatch(descriptor, for: events)
    }

    // MARK: Reading

    private func read() {
        for _ in 0..<Self.readsPerWakeUp where closed != nil {
            let count = unsafe incoming.withUnsafeMutableBytes { buffer in
                // SAFETY: the kernel writes at most as many bytes as the buffer has.
                unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            }
            if count == 0 { return fail("Redis has closed the connection") }
            if count < 0 {
                let code = errno
                if code == EAGAIN || code == EWOULDBLOCK || code == EINTR { return }
                // SAFETY: strerror returns a valid string for every code; it is copied at once.
                return fail(unsafe String(cString: strerror(code)))
            }
            parse(count)
            if count < incoming.count { return }
        }
    }

    private func parse(_ count: Int) {
        guard let context = unsafe context else { return }
        let status = unsafe incoming.withUnsafeBytes { buffer in
            // SAFETY: hiredis copies `count` bytes of the buffer, which were just read into it.
            unsafe redisReaderFeed(
                context.pointee.reader,
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                count
            )
        }
        guard status == REDIS_OK else { return fail("the reply cannot be kept") }
        while let value = nextReply() { pending.popFirst()?.completion?(.success(value)) }
    }

    /// The next complete reply; a completion may have closed the connection meanwhile.
    private func nextReply() -> RedisValue? {
        guard let context = unsafe context else { return nil }
        var reply: UnsafeMutableRawPointer?
        // SAFETY: the context is alive; the reply is ours, copied, and freed here.
        guard unsafe redisReaderGetReply(context.pointee.reader, &reply) == REDIS_OK else {
            fail("the reply is none of Redis")
            return nil
        }
        guard let reply = unsafe reply else { return nil }
        defer { unsafe freeReplyObject(reply) }
        return unsafe RedisValue(copying: reply.assumingMemoryBound(to: redisReply.self))
    }

    // MARK: The end

    private func fail(_ reason: String) {
        guard let closed else { return }
        self.closed = nil
        connected = nil
        loop.unwatch(descriptor)
        // SAFETY: the context is freed once, and the descriptor, which it owns, is no longer watched.
        if let context = unsafe context { unsafe redisFree(context) }
        unsafe context = nil
        outgoing = OutgoingBytes()
        let error = RedisError(.connectionLost, reason)
        while let item = pending.popFirst() { item.completion?(.failure(error)) }
        loop.execute { [closed = LoopConfined(closed)] in closed.value(error) }
    }

    private static func text(of buffer: inout some Any) -> String {
        unsafe withUnsafeBytes(of: &buffer) { bytes in
            // SAFETY: the bytes are those of a fixed array in the context, read up to the first zero.
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// Carries a closure of the loop through the loop's own inbox.
private struct LoopConfined<Value>: @unchecked Sendable {
    // SAFETY: made and used on the same loop.
    let value: Value

    init(_ value: Value) { self.value = value }
}

extension RedisValue {
    /// Copies a reply; hiredis bounds the nesting to seven levels.
    fileprivate init(copying pointer: UnsafeMutablePointer<redisReply>) {
        // SAFETY: the reply is alive; `str` holds `len` bytes, `element` as many pointers as `elements` says.
        let reply = unsafe pointer.pointee
        switch unsafe reply.type {
        case REDIS_REPLY_STRING:
            self = unsafe .bytes([UInt8](UnsafeRawBufferPointer(start: reply.str, count: reply.len)))
        case REDIS_REPLY_ARRAY:
            self = unsafe .array(
                (0..<reply.elements).map { index in
                    unsafe reply.element[index].map { unsafe RedisValue(copying: $0) } ?? .null
                }
            )
        case REDIS_REPLY_INTEGER: self = unsafe .integer(reply.integer)
        case REDIS_REPLY_STATUS: self = unsafe .status(String(cString: reply.str))
        case REDIS_REPLY_ERROR: self = unsafe .error(String(cString: reply.str))
        default: self = .null
        }
    }
}
