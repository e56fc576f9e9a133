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
