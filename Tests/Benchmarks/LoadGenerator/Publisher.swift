import LoadClip
import RTMP
import Reactor
import Sockets

/// One publisher: a socket, a session, and its place in the clip.
final class Publisher: EventHandler {
    /// A time without publishing, after it had begun or was refused.
    struct Outage: Codable {
        var publisher: Int
        var atSeconds: Double
        var seconds: Double
        var reason: String
    }

    /// What one publisher has to tell.
    struct Figures {
        var sentByteCount = 0
        var sentMessageCount = 0
        var stallCount = 0
        var longestStall: UInt64 = 0
        var longestLag: UInt64 = 0
        var outages: [Outage] = []
        /// Nanoseconds from the first byte to leave to publish.
        var setUp: UInt64?
    }

    private static let nonce = [UInt8](repeating: 0x5a, count: ServerHandshake.nonceByteCount)
    private static let readByteCount = 16_384
    private static let retryDelay: UInt64 = 1_000_000_000

    private(set) var figures = Figures()
    private let number: Int
    private let address: RTMPAddress
    private let clip: Clip
    private let loop: EventLoop
    private let began: UInt64
    private var session: PublishSession
    private var socket: StreamSocket?
    private var output: [UInt8] = []
    private var sentOffset = 0
    private var isConnected = false
    private var watchesWrites = false
    private var blockedSince: UInt64?
    private var connectAt: UInt64
    private var connectedAt: UInt64 = 0
    private var outageBegan: (at: UInt64, reason: String)?
    private var publishingSince: UInt64?
    private var nextFrame = 0
    private var loopTime: UInt32 = 0

    /// Creates a publisher that connects `delay` nanoseconds after `began`.
    init(number: Int, address: RTMPAddress, clip: Clip, loop: EventLoop, began: UInt64, delay: UInt64) {
        self.number = number
        self.address = address
        self.clip = clip
        self.loop = loop
        self.began = began
        connectAt = began + delay
        session = PublishSession(target: address.target, nonce: Self.nonce)
    }

    /// Whether media flows.
    var isPublishing: Bool { publishingSince != nil }

    /// Does what is due at `now`.
    func tick(at now: UInt64) {
        if socket == nil, now >= connectAt { connect(at: now) }
        guard let publishingSince else { return }
        queueFrames(until: now - publishingSince, at: now)
        flush(at: now)
    }

    /// Says goodbye; ends an outage that has not ended by itself.
    func finish(at now: UInt64) {
        output += session.unpublish()
        flush(at: now)
        endOutage(at: now)
        drop()
    }

    // MARK: The connection

    private func connect(at now: UInt64) {
        session = PublishSession(target: address.target, nonce: Self.nonce)
        do {
            let socket = try StreamSocket.connecting(to: address.host, port: address.port)
            loop.watch(socket.descriptor, for: [.readable, .writable], handler: self)
            self.socket = consume socket
            watchesWrites = true
            connectedAt = now
            output = session.start()
        } catch {
            lose("\(error)", at: now)
        }
    }

    func ready(_ events: EventSet) {
        let now = EventLoop.now
        if !isConnected {
            if let error = socket?.connectionError() { return lose("\(error)", at: now) }
            isConnected = true
        }
        if events.contains(.writable) { flush(at: now) }
        if events.contains(.readable) || events.contains(.hungUp) { read(at: now) }
    }

    private func read(at now: UInt64) {
        var bytes = [UInt8](repeating: 0, count: Self.readByteCount)
        let outcome = unsafe bytes.withUnsafeMutableBytes { buffer in
            // SAFETY: the buffer lives for the call, and the socket writes within it.
            unsafe socket?.receive(into: buffer)
        }
        switch outcome {
        case .moved(let count): take(bytes.span.extracting(0..<count), at: now)
        case .ended: lose("closed by the server", at: now)
        case .failed(let code): lose("errno \(code)", at: now)
        case .wouldBlock, nil: break
        }
    }

    private func take(_ bytes: Span<UInt8>, at now: UInt64) {
        for action in session.receive(bytes) {
            switch action {
            case .send(let bytes): output += bytes
            case .publishing: startMedia(at: now)
            case .reconnectRequested: break
            case .close(let failure): return lose("\(failure)", at: now)
            }
        }
        flush(at: now)
    }

    private func flush(at now: UInt64) {
        guard isConnected else { return }
        while sentOffset < output.count {
            let outcome = unsafe output.withUnsafeBytes { bytes in
                // SAFETY: the offset is within the bytes, which live for the call.
                unsafe socket?.send(UnsafeRawBufferPointer(rebasing: bytes[sentOffset...]))
            }
            switch outcome {
            case .moved(let count):
                sentOffset += count
                figures.sentByteCount += count
            case .wouldBlock: return stall(at: now)
            case .failed(let code): return lose("errno \(code)", at: now)
            case .ended, nil: return
            }
        }
        output.removeAll(keepingCapacity: true)
        sentOffset = 0
        endStall(at: now)
    }

    private func stall(at now: UInt64) {
        guard blockedSince == nil, let descriptor = socket?.descriptor else { return }
        blockedSince = now
        figures.stallCount += 1
        watchesWrites = true
        loop.rewatch(descriptor, for: [.readable, .writable])
    }

    private func endStall(at now: UInt64) {
        guard watchesWrites else { return }
        if let since = blockedSince { figures.longestStall = max(figures.longestStall, now - since) }
        blockedSince = nil
        watchesWrites = false
        if let descriptor = socket?.descriptor { loop.rewatch(descriptor, for: .readable) }
    }

    private func lose(_ reason: String, at now: UInt64) {
        drop()
        if outageBegan == nil { outageBegan = (now, reason) }
        connectAt = now + Self.retryDelay
    }

    private func drop() {
        if let descriptor = socket?.descriptor { loop.unwatch(descriptor) }
        socket = nil
        isConnected = false
        publishingSince = nil
        blockedSince = nil
        output = []
        sentOffset = 0
    }

    private func endOutage(at now: UInt64) {
        guard let outage = outageBegan else { return }
        outageBegan = nil
        figures.outages.append(
            Outage(
                publisher: number,
                atSeconds: Double(outage.at - began) / 1e9,
                seconds: Double(now - outage.at) / 1e9,
                reason: outage.reason
            )
        )
    }

    // MARK: Media

    private func startMedia(at now: UInt64) {
        endOutage(at: now)
        figures.setUp = figures.setUp ?? now - connectedAt
        publishingSince = now
        nextFrame = 0
        loopTime = 0
        if let metadata = clip.metadata { session.write(metadata: metadata, to: &output) }
        for header in clip.headers { session.write(header, to: &output) }
    }

    private func queueFrames(until elapsed: UInt64, at now: UInt64) {
        // A server that does not read must not make us hold the clip again and again.
        guard blockedSince == nil else { return }
        while true {
            var frame = clip.frames[nextFrame]
            frame.timestamp &+= loopTime
            let due = UInt64(frame.timestamp) * 1_000_000
            guard due <= elapsed else { return }
            figures.longestLag = max(figures.longestLag, elapsed - due)
            if clip.isMarked, frame.kind == .video { frame.payload = ClockMark.inserted(into: frame.payload) }
            session.write(frame, to: &output)
            figures.sentMessageCount += 1
            nextFrame += 1
            guard nextFrame == clip.frames.count else { continue }
            nextFrame = 0
            loopTime &+= clip.duration
        }
    }
}
