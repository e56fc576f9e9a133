import RTMP
import Testing

@Suite struct ServerHandshakeTests {
    private let nonce = [UInt8](repeating: 7, count: ServerHandshake.nonceByteCount)

    private func makeC0C1() -> [UInt8] {
        [3] + (0..<1536).map { UInt8(truncatingIfNeeded: $0) }
    }

    @Test(arguments: [1, 7, 1536, 3073])
    func `answers and finishes whatever the slices`(sliceByteCount: Int) {
        var handshake = ServerHandshake(nonce: nonce)
        let input = makeC0C1() + [UInt8](repeating: 0xee, count: 1536)
        var actions: [ServerHandshake.Action] = []
        for start in stride(from: 0, to: input.count, by: sliceByteCount) {
            let slice = Array(input[start..<min(start + sliceByteCount, input.count)])
            let step = handshake.receive(slice.span)
            #expect(step.consumed == slice.count)
            actions += step.actions
        }
        let c1 = makeC0C1().dropFirst()
        let s2 = Array(c1.prefix(4)) + [0, 0, 0, 0] + c1.dropFirst(8)
        #expect(actions == [.send([3, 0, 0, 0, 0, 0, 0, 0, 0] + nonce + s2), .finish])
        #expect(handshake.isFinished)
    }

    @Test func `leaves the first chunk alone`() {
        var handshake = ServerHandshake(nonce: nonce)
        let input = makeC0C1() + [UInt8](repeating: 0, count: 1536) + [2, 0, 0]
        #expect(handshake.receive(input.span).consumed == input.count - 3)
    }

    @Test func `refuses what is not RTMP`() {
        var handshake = ServerHandshake(nonce: nonce)
        let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        let step = handshake.receive(request.span)
        #expect(step.actions == [.close(.unsupportedVersion(UInt8(ascii: "G")))])
        #expect(handshake.receive(request.span).actions.isEmpty)
    }

    @Test func `agrees with the client's side`() {
        var server = ServerHandshake(nonce: nonce)
        var client = ClientHandshake(nonce: nonce.map { $0 &+ 1 })
        let first = client.start()
        let answer = server.receive(first.span)
        guard case .send(let bytes) = answer.actions.first else { return #expect(Bool(false)) }
        let reply = client.receive(bytes.span)
        guard case .send(let c2) = reply.actions.first else { return #expect(Bool(false)) }
        #expect(reply.actions.last == .finish)
        #expect(server.receive(c2.span).actions == [.finish])
    }
}
