import CHiredis
import Glibc
import Reactor

/// One connection: the owner of one asynchronous context of hiredis, called on its event loop only.
///
/// hiredis calls back exactly once per command and in order, so the completions wait in a queue of ours.
@safe final class RedisConnection: EventHandler, @unchecked Sendable {
    // SAFETY: loop-confined; `Sendable` only so that it can ask its own loop to call it later.

    typealias Completion = (Result<RedisValue, RedisError>) -> Void

    private struct Pending {
        var completion: Completion?
        var deadline: UInt64
    }

    private let loop: EventLoop
    private var context: UnsafeMutablePointer<redisAsyncContext>?
    private var descriptor: CInt = -1
    private var isWatched = false
    private var interest: EventSet = []
    private var isConnecting = true
    private var isWriteScheduled = false
    private var isWriting = false
    private var pending = FIFO<Pending>()
    private var connected: (() -> Void)?
    private var closed: ((RedisError) -> Void)?

    /// The commands that wait for their replies.
    var pendingCount: Int { pending.count }

    private init(loop: EventLoop) {
        unsafe context = nil
        self.loop = loop
    }

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
            case .tcp(let host, let port): unsafe redisAsyncConnect(host, CInt(port))
            case .unix(let path): unsafe redisAsyncConnectUnix(path)
            }
        guard let context = unsafe created else { throw RedisError(.unavailable, "out of memory") }
        // SAFETY: the context is valid until `redisAsyncFree`; nobody else knows it yet.
        guard unsafe context.pointee.err == 0 else {
            let reason = unsafe String(cString: context.pointee.errstr)
            unsafe redisAsyncFree(context)
            throw RedisError(.unavailable, reason)
        }
        let owner = RedisConnection(loop: loop)
        owner.connected = connected
        owner.closed = closed
        unsafe owner.attach(context)
        return owner
    }

    /// Sends `command`; `completion` is called exactly once, on the loop, never before this returns.
    ///
    /// - Returns: `false`, and `completion` is not called, where the connection is closing.
    func send(_ command: [UInt8], deadline: UInt64, completion: @escaping Completion) -> Bool {
        guard let context = unsafe context else { return false }
        let status = unsafe command.withUnsafeBytes { bytes in
            // SAFETY: hiredis copies the bytes before the call returns; the context is alive.
            unsafe redisAsyncFormattedCommand(
                context,
                Callbacks.reply,
                nil,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count
            )
        }
        guard status == REDIS_OK else { return false }
        pending.append(Pending(completion: completion, deadline: deadline))
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
    func close() {
        // SAFETY: the context is alive; the call leads to `cleanUp`, at once or after the current callback.
        if let context = unsafe context { unsafe redisAsyncFree(context) }
    }

    /// Moves bytes between the socket and hiredis.
    func ready(_ events: EventSet) {
        withExtendedLifetime(self) {
            if !events.isDisjoint(with: [.readable, .hungUp, .failed]), let context = unsafe context {
                // SAFETY: the context is alive, and `cleanUp` takes it from us where the call frees it.
                unsafe redisAsyncHandleRead(context)
            }
            if events.contains(.writable) { write() }
        }
    }

    private func attach(_ context: UnsafeMutablePointer<redisAsyncContext>) {
        unsafe self.context = context
        // SAFETY: the context is alive; the reference it gets is given back in `cleanUp`, the last call
        // that hiredis makes.
        unsafe descriptor = context.pointee.c.fd
        unsafe context.pointee.ev.data = Unmanaged.passRetained(self).toOpaque()
        unsafe context.pointee.ev.addRead = Callbacks.addRead
        unsafe context.pointee.ev.delRead = Callbacks.removeRead
        unsafe context.pointee.ev.addWrite = Callbacks.addWrite
        unsafe context.pointee.ev.delWrite = Callbacks.removeWrite
        unsafe context.pointee.ev.cleanup = Callbacks.cleanUp
        unsafe redisAsyncSetConnectCallback(context, Callbacks.connect)
    }

    private func write() {
        guard let context = unsafe context else { return }
        isWriting = true
        // SAFETY: the context is alive, and `cleanUp` takes it from us where the call frees it.
        unsafe redisAsyncHandleWrite(context)
        isWriting = false
    }

    // MARK: Called by hiredis

    fileprivate func addInterest(_ events: EventSet) { update(interest.union(events)) }

    fileprivate func removeInterest(_ events: EventSet) { update(interest.subtracting(events)) }

    /// Writes at the end of this turn of the loop, so that pipelined commands leave in one call; waits
    /// for the socket only where the kernel took less than all.
    fileprivate func wantsToWrite() {
        if isConnecting || isWriting { return addInterest(.writable) }
        guard !isWriteScheduled else { return }
        isWriteScheduled = true
        loop.execute {
            self.isWriteScheduled = false
            self.write()
        }
    }

    fileprivate func connectionDecided(_ status: CInt) {
        isConnecting = false
        guard status == REDIS_OK, let connected else { return }
        self.connected = nil
        connected()
    }

    fileprivate func received(_ result: Result<RedisValue, RedisError>) {
        pending.popFirst()?.completion?(result)
    }

    fileprivate func cleanUp() {
        let reason = errorText()
        unsafe context = nil
        if isWatched { loop.unwatch(descriptor) }
        isWatched = false
        connected = nil
        let error = RedisError(.connectionLost, reason)
        while let item = pending.popFirst() { item.completion?(.failure(error)) }
        guard let closed else { return }
        self.closed = nil
        loop.execute { [closed = LoopConfined(closed)] in closed.value(error) }
    }

    private func errorText() -> String {
        guard let context = unsafe context else { return "closed" }
        // SAFETY: the context is alive until the cleanup callback returns; errstr is a C string in it.
        guard unsafe context.pointee.c.err != 0 else { return "closed" }
        return unsafe String(cString: context.pointee.errstr)
    }

    private func update(_ events: EventSet) {
        guard events != interest || !isWatched else { return }
        interest = events
        if isWatched {
            loop.rewatch(descriptor, for: events)
        } else {
            isWatched = loop.watch(descriptor, for: events, handler: self)
        }
    }
}

/// Carries a closure of the loop through the loop's own inbox.
private struct LoopConfined<Value>: @unchecked Sendable {
    // SAFETY: made and used on the same loop.
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// The functions that hiredis calls, all on the loop.
private enum Callbacks {
    static let reply:
        @convention(c) (
            UnsafeMutablePointer<redisAsyncContext>?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?
        ) -> Void = { context, reply, _ in
            guard let context = unsafe context else { return }
            let owner = unsafe owner(context.pointee.ev.data)
            guard let reply = unsafe reply else {
                // SAFETY: errstr points into the living context.
                let reason = unsafe context.pointee.errstr.map { unsafe String(cString: $0) } ?? "closed"
                owner?.received(.failure(RedisError(.connectionLost, reason)))
                return
            }
            // SAFETY: hiredis frees the reply after this callback; everything is copied here.
            let value = unsafe RedisValue(copying: reply.assumingMemoryBound(to: redisReply.self))
            owner?.received(.success(value))
        }
    static let connect: @convention(c) (UnsafePointer<redisAsyncContext>?, CInt) -> Void = {
        context,
        status in
        guard let context = unsafe context else { return }
        unsafe owner(context.pointee.ev.data)?.connectionDecided(status)
    }
    static let addRead: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
        unsafe owner($0)?.addInterest(.readable)
    }
    static let removeRead: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
        unsafe owner($0)?.removeInterest(.readable)
    }
    static let addWrite: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
        unsafe owner($0)?.wantsToWrite()
    }
    static let removeWrite: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
        unsafe owner($0)?.removeInterest(.writable)
    }
    static let cleanUp: @convention(c) (UnsafeMutableRawPointer?) -> Void = { data in
        guard let data = unsafe data else { return }
        // SAFETY: balances the retain of `attach`; hiredis makes no call after this one.
        unsafe Unmanaged<RedisConnection>.fromOpaque(data).takeRetainedValue().cleanUp()
    }

    private static func owner(_ data: UnsafeMutableRawPointer?) -> RedisConnection? {
        guard let data = unsafe data else { return nil }
        // SAFETY: the context holds a reference until `cleanUp`.
        return unsafe Unmanaged<RedisConnection>.fromOpaque(data).takeUnretainedValue()
    }
}

extension RedisValue {
    /// Copies a reply; hiredis bounds the nesting to seven levels.
    fileprivate init(copying pointer: UnsafeMutablePointer<redisReply>) {
        // SAFETY: the reply is alive in the callback; `str` holds `len` bytes, `element` `elements` pointers.
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
