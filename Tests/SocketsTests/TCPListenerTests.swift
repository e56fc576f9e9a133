import Glibc
import Reactor
import Sockets
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct TCPListenerTests {
    @Test func `hands over a connection with the address of its peer`() async throws {
        let loop = EventLoop(name: "test")
        let (peers, peer) = AsyncStream.makeStream(of: PeerAddress.self, bufferingPolicy: .bufferingOldest(1))
        let listener = try Box(
            TCPListener(.init(address: "127.0.0.1", port: 0), loop: loop) { accepted in
                peer.yield(accepted.peer)
            }
        )
        loop.execute { listener.value.start() }
        let socket = try StreamSocket.connecting(to: "127.0.0.1", port: listener.value.port)
        let first = await peers.first { _ in true }
        #expect(first?.host == "127.0.0.1")
        #expect(socket.connectionError() == nil)
        await withCheckedContinuation { done in
            loop.execute {
                listener.value.close()
                done.resume()
            }
        }
        loop.stop()
    }

    @Test func `hands over what has connected before it closes, and takes nothing more`() async throws {
        let loop = EventLoop(name: "test")
        let (peers, peer) = AsyncStream.makeStream(
            of: PeerAddress.self,
            bufferingPolicy: .bufferingOldest(200)
        )
        let listener = try Box(
            TCPListener(.init(address: "127.0.0.1", port: 0), loop: loop) { peer.yield($0.peer) }
        )
        let clients = try (0..<100).map { _ in try Connected(to: listener.value.port) }
        #expect(clients.allSatisfy { $0.failure == nil })
        loop.execute {
            listener.value.finish()
            peer.finish()
        }
        #expect(await peers.reduce(0) { count, _ in count + 1 } == clients.count)
        #expect(try Connected(to: listener.value.port).failure?.code == ECONNREFUSED)
        loop.stop()
    }

    @Test func `says which port is taken`() throws {
        let loop = EventLoop(name: "test")
        let first = try TCPListener(.init(address: "127.0.0.1", port: 0), loop: loop) { _ in }
        #expect {
            _ = try TCPListener(.init(address: "127.0.0.1", port: first.port), loop: loop) { _ in }
        } throws: { error in
            "\(error)" == "listen on 127.0.0.1:\(first.port): Address already in use"
        }
        loop.stop()
    }
}

private struct Box: @unchecked Sendable {
    // SAFETY: the tests use the listener on its loop, or read a constant of it.
    let value: TCPListener
    init(_ value: TCPListener) { self.value = value }
}

/// A connection whose beginning has succeeded or failed.
private final class Connected {
    let failure: SystemCallError?
    private let socket: StreamSocket

    init(to port: UInt16) throws(SystemCallError) {
        socket = try StreamSocket.connecting(to: "127.0.0.1", port: port)
        var wait = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wait, 1, 10_000)
        failure = socket.connectionError()
    }
}
