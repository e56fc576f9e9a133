import Bytes
import ICE
import Testing

/// The messages of RFC 5769.
enum SampleMessages {
    static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)

    static let request = bytes(
        """
        000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74
        002400046e0001ff80290008932ff9b151263b36000600096576746a3a6836765920202000080014
        9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf
        """
    )
    static let answer = bytes(
        """
        0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f722000200008
        0001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96
        """
    )
    static let answerOverIPv6 = bytes(
        """
        010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f722000200014
        0002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275
        bfe3ed4180280004c8fb0b4c
        """
    )

    private static func bytes(_ text: String) -> [UInt8] {
        Hex.decode(text.filter { !$0.isWhitespace }) ?? []
    }
}

@Suite struct STUNMessageTests {
    @Test func `the request of RFC 5769 is read and proves its sender`() throws {
        let bytes = SampleMessages.request
        let message = try STUNMessage(bytes: bytes)
        #expect(message.kind == .request)
        #expect(message.method == STUNMessage.binding)
        #expect(message.username == "evtj:h6vY")
        #expect(message.receiverFragment == "evtj")
        #expect(message.attributes.contains(.priority(0x6e00_01ff)))
        #expect(message.attributes.contains(.controlled(tieBreaker: 0x932f_f9b1_5126_3b36)))
        #expect(message.isAuthentic(bytes, key: SampleMessages.password))
        #expect(!message.isAuthentic(bytes, key: Array("another password".utf8)))
    }

    @Test func `the answers of RFC 5769 tell the address they were sent to`() throws {
        let bytes = SampleMessages.answer
        let message = try STUNMessage(bytes: bytes)
        #expect(message.isAuthentic(bytes, key: SampleMessages.password))
        #expect(message.mappedAddress?.description == "192.0.2.1:32853")
        let wide = SampleMessages.answerOverIPv6
        let second = try STUNMessage(bytes: wide)
        #expect(second.isAuthentic(wide, key: SampleMessages.password))
        #expect(second.mappedAddress?.description == "[2001:db8:1234:5678:11:2233:4455:6677]:32853")
    }

    @Test func `what is written is read again`() throws {
        let attributes: [STUNMessage.Attribute] = [
            .username("one:two"), .priority(7), .useCandidate, .controlling(tieBreaker: 9),
            .xorMappedAddress(.init(.v6(high: 1, low: 2), port: 3)), .mappedAddress(.init(.v4(4), port: 5)),
            .errorCode(487, reason: "Role Conflict"), .unknownAttributes([0x30, 0x31]), .software("m"),
            .other(0x7777, byteCount: 6),
        ]
        let message = STUNMessage(
            .failure,
            transactionID: .init(high: 0x0102_0304, low: 0x0506_0708_090a_0b0c),
            attributes: attributes
        )
        let key = Array("secret".utf8)
        let bytes = message.encoded(key: key)
        let read = try STUNMessage(bytes: bytes)
        #expect(read.attributes == attributes)
        #expect(read.kind == .failure)
        #expect(read.transactionID == message.transactionID)
        #expect(read.isAuthentic(bytes, key: key))
    }

    @Test func `no byte before the fingerprint can change`() {
        for index in SampleMessages.request.indices.dropLast(8) {
            var bytes = SampleMessages.request
            bytes[index] ^= 0x10
            let message = try? STUNMessage(bytes: bytes)
            #expect(message?.isAuthentic(bytes, key: SampleMessages.password) != true)
        }
    }

    @Test func `every shorter message is refused`() {
        for count in 0..<SampleMessages.request.count {
            let bytes = Array(SampleMessages.request.prefix(count))
            #expect(throws: STUNMessage.Failure.self) { try STUNMessage(bytes: bytes) }
        }
    }

    @Test func `attributes behind the integrity do not count`() throws {
        let key = Array("secret".utf8)
        let message = STUNMessage(
            .request,
            transactionID: .init(high: 1, low: 2),
            attributes: [.username("a:b")]
        )
        var bytes = message.encoded(key: key, fingerprint: false)
        bytes += [0x00, 0x25, 0x00, 0x00]
        bytes[3] += 4
        let read = try STUNMessage(bytes: bytes)
        #expect(read.isAuthentic(bytes, key: key))
        #expect(read.attributes == [.username("a:b")])
    }
}
