import Glibc
import Reactor
import Sockets
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamSocketTests {
    @Test func `what the peer has not taken is not confirmed, and is when it has`() async throws {
        let loop = EventLoop(name: "test")
        defer { loop.stop() }
        let (descriptors, accepted) = AsyncStream.makeStream(
            of: CInt.self,
            bufferingPolicy: .bufferingOldest(1)
        )
        let listener = try Listener(
            TCPListener(.init(address: "127.0.0.1", port: 0), loop: loop) {
                accepted.yield($0.takeDescriptor())
            }
        )
        loop.execute { listener.value.start() }
        let sender = try StreamSocket.connecting(to: "127.0.0.1", port: listener.value.port)
        let receiver = StreamSocket(owning: try #require(await descriptors.first { _ in true }))
        #expect(sender.unconfirmedByteCount() == 0)
        let block = [UInt8](repeating: 7, count: 64 << 10)
        var sent = 0
        while case .moved(let count) = unsafe block.withUnsafeBytes({ unsafe sender.send($0) }) {
            sent += count
        }
        let waiting = sender.unconfirmedByteCount()
        #expect(waiting > 0 && waiting <= sent)
        #expect(sender.pathDelay() < .seconds(1), "nothing waits on the way, only at its end")
        while sent > 0 {
            var ready = pollfd(fd: receiver.descriptor, events: Int16(POLLIN), revents: 0)
            #expect(unsafe poll(&ready, 1, 10_000) == 1)
            sent -= Self.read(receiver)
        }
        #expect(sent == 0)
        while sender.unconfirmedByteCount() > 0 { sched_yield() }
        loop.execute { listener.value.close() }
    }

    private static func read(_ socket: borrowing StreamSocket) -> Int {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            if case .moved(let count) = unsafe socket.receive(into: buffer) { count } else { 0 }
        }
    }
}

private struct Listener: @unchecked Sendable {
    // SAFETY: the test uses the listener on its loop, or reads a constant of it.
    let value: TCPListener
    init(_ value: TCPListener) { self.value = value }
}
