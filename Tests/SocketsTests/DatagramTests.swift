import Sockets
import Testing

@Suite struct DatagramTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func `datagrams arrive in order with the address of their sender`(address: String) throws {
        let sender = try DatagramSocket(.init(address: address, port: 0))
        let receiver = try DatagramSocket(.init(address: address, port: 0))
        let outbox = DatagramOutbox()
        let sizes = [1200, 1200, 1200, 700, 700, 900, 1]
        for (index, size) in sizes.enumerated() {
            unsafe outbox.room(on: sender).copyBytes(from: [UInt8](repeating: UInt8(index), count: size))
            outbox.commit(size, to: loopback(address, port: receiver.port))
        }
        outbox.flush(to: sender)
        #expect(outbox.sentDatagramCount == 7 && outbox.callCount == 1 && outbox.isEmpty)

        let inbox = DatagramInbox(capacity: 4, datagramByteLimit: 2048)
        var received: [(size: Int, first: UInt8)] = []
        while received.count < sizes.count {
            for index in 0..<inbox.receive(from: receiver) {
                let source = inbox.source(index)
                let expected = loopback(address, port: sender.port)
                #expect(source == expected)
                let bytes = unsafe Array(inbox.bytes(index))
                received.append((bytes.count, bytes[0]))
            }
        }
        #expect(received.map(\.size) == sizes)
        #expect(received.map(\.first) == Array(0..<7))
    }

    @Test func `a datagram longer than its slot is marked as cut`() throws {
        let sender = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let receiver = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let outbox = DatagramOutbox(usesRuns: false)
        unsafe outbox.room(on: sender).copyBytes(from: [UInt8](repeating: 1, count: 300))
        outbox.commit(300, to: loopback("127.0.0.1", port: receiver.port))
        outbox.flush(to: sender)
        let inbox = DatagramInbox(capacity: 1, datagramByteLimit: 100)
        while inbox.receive(from: receiver) == 0 {}
        let (count, isCut) = unsafe (inbox.bytes(0).count, inbox.isCut(0))
        #expect(count == 100 && isCut)
    }

    @Test func `glued datagrams say how long each was`() throws {
        let sender = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let receiver = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let canGlue = receiver.enableReceiveOffload()
        #expect(canGlue)
        let outbox = DatagramOutbox()
        for _ in 0..<10 {
            unsafe outbox.room(on: sender).copyBytes(from: [UInt8](repeating: 1, count: 1000))
            outbox.commit(1000, to: loopback("127.0.0.1", port: receiver.port))
        }
        outbox.flush(to: sender)
        let inbox = DatagramInbox(capacity: 8, datagramByteLimit: 65_536)
        while inbox.receive(from: receiver) == 0 {}
        #expect(inbox.segmentByteCount(0) == 1000 && inbox.length(0) == 10_000)
    }

    @Test func `the machine has addresses`() {
        #expect(InterfaceAddress.all().contains("127.0.0.1"))
    }

    private func loopback(_ address: String, port: UInt16) -> DatagramAddress {
        address.contains(":")
            ? DatagramAddress(high: 0, low: 1, port: port) : DatagramAddress(v4: 0x7f00_0001, port: port)
    }
}
