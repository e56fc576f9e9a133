import Glibc
import Reactor
import Sockets
import WebRTC

/// How a browser's packets travel; bound to one loop.
protocol Link: AnyObject {
    var receive: ([UInt8]) -> Void { get set }
    func send(_ packet: [UInt8])
    func close()
}

/// A browser's UDP socket.
final class DatagramLink: Link, EventHandler {
    var receive: ([UInt8]) -> Void = { _ in }
    private let socket: DatagramSocket
    private let loop: EventLoop
    private let target: DatagramAddress
    private let inbox = DatagramInbox(capacity: 16, datagramByteLimit: 2048)
    private let outbox = DatagramOutbox(slabByteCount: 1, usesRuns: false)

    init(to target: DatagramAddress, loop: EventLoop) throws {
        socket = try DatagramSocket(.init(address: target.isV4 ? "127.0.0.1" : "::1", port: 0))
        self.loop = loop
        self.target = target
        loop.watch(socket.descriptor, for: .readable, handler: self)
    }

    func send(_ packet: [UInt8]) {
        let room = unsafe outbox.room(on: socket)
        unsafe room.copyBytes(from: packet)
        outbox.commit(packet.count, to: target)
        outbox.flush(to: socket)
    }

    func ready(_ events: EventSet) {
        for index in 0..<inbox.receive(from: socket) { unsafe receive(Array(inbox.bytes(index))) }
    }

    func close() {
        loop.unwatch(socket.descriptor)
        receive = { _ in }
    }
}

/// A browser's TCP connection with frames.
final class FramedLink: Link, EventHandler {
    var receive: ([UInt8]) -> Void = { _ in }
    private let socket: StreamSocket
    private let loop: EventLoop
    private var reader = FrameReader()
    private var output: [UInt8] = []
    private(set) var isEnded = false
    /// Whether it takes nothing, as a path does that stands still.
    var isPaused = false {
        didSet { if !isEnded { loop.rewatch(socket.descriptor, for: isPaused ? .writable : .readable) } }
    }

    init(to port: UInt16, loop: EventLoop) throws {
        socket = try StreamSocket.connecting(to: "127.0.0.1", port: port)
        self.loop = loop
        loop.watch(socket.descriptor, for: [.readable, .writable], handler: self)
    }

    func send(_ packet: [UInt8]) {
        sendRaw([UInt8(packet.count >> 8), UInt8(packet.count & 255)] + packet)
    }

    func sendRaw(_ bytes: [UInt8]) {
        output += bytes
        flush()
    }

    func ready(_ events: EventSet) {
        if events.contains(.writable) { flush() }
        guard !isPaused else { return loop.rewatch(socket.descriptor, for: []) }
        unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 8) { buffer in
            switch unsafe socket.receive(into: buffer) {
            case .moved(let count):
                unsafe reader.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                while let frame = try? reader.next() { receive(frame) }
            case .wouldBlock: break
            case .ended, .failed:
                isEnded = true
                loop.unwatch(socket.descriptor)
            }
        }
    }

    func close() {
        if !isEnded { loop.unwatch(socket.descriptor) }
        isEnded = true
        _ = shutdown(socket.descriptor, CInt(SHUT_RDWR))
        receive = { _ in }
    }

    private func flush() {
        guard !isEnded, !output.isEmpty else { return }
        if case .moved(let count) = unsafe output.withUnsafeBytes({ unsafe socket.send($0) }) {
            output.removeFirst(count)
        }
        loop.rewatch(socket.descriptor, for: output.isEmpty ? .readable : [.readable, .writable])
    }
}
