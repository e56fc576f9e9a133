import Bytes
import Crypto
import SRTP
import Testing

@Suite struct SRTPVectorTests {
    @Test func `keys are derived as in appendix B of RFC 3711`() throws {
        let master = SRTPMasterKey(
            key: try bytes("E1F97A0D3E018BE0D64FA32C06DE4139"),
            salt: try bytes("0EC675AD498AFEEBB6960B3AABE6")
        )
        let keys = SessionKeys(master, purpose: .rtp)
        #expect(Hex.encode(keys.encryption) == "c61e7a93744f39ee10734afe3ff7a087")
        #expect(Hex.encode(keys.authentication) == "cebe321f6ff7716b6fd4ab49af256a156d38baa4")
        #expect(Hex.encode(keys.salt) == "30cbbc08863d8c85d49db34a9ae1")
    }

    @Test func `counter mode gives the key stream of appendix B of RFC 3711`() throws {
        let cipher = AES128CTR(key: try bytes("2B7E151628AED2A6ABF7158809CF4F3C"))
        let stream = cipher.keyStream(count: 48, counter: try bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"))
        #expect(
            Hex.encode(stream)
                == "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0"
        )
    }

    private static let rfc7714Keys = SessionKeys(
        encryption: Array(0..<16),
        authentication: [],
        salt: Array("Quid pro quo".utf8)
    )
    private static let rfc7714Packet =
        "8040f17b8041f8d35501a0b2"
        + "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
    private static let rfc7714Protected =
        "8040f17b8041f8d35501a0b2"
        + "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        + "899d7f27beb16a9152cf765ee4390cce"
    private static let rfc7714Report =
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61"
        + "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
    private static let rfc7714ProtectedReport =
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e99"
        + "7ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"

    @Test func `packets are protected as in sections 16 and 17 of RFC 7714`() throws {
        let keys = Self.rfc7714Keys
        let sender = Sender(rtp: keys, rtcp: keys, profile: .aes128GCM, rtcpIndex: 0x5d4)
        #expect(Hex.encode(sender.protect(try bytes(Self.rfc7714Packet))) == Self.rfc7714Protected)
        #expect(
            Hex.encode(sender.protectReport(try bytes(Self.rfc7714Report))) == Self.rfc7714ProtectedReport
        )
        let receiver = Receiver(rtp: keys, rtcp: keys, profile: .aes128GCM)
        #expect(receiver.unprotect(try bytes(Self.rfc7714Protected)) == .plain(try bytes(Self.rfc7714Packet)))
        #expect(
            receiver.unprotectReport(try bytes(Self.rfc7714ProtectedReport))
                == .plain(try bytes(Self.rfc7714Report))
        )
    }

    /// Four packets over a wrap of the sequence number and two reports, as libsrtp 2 protects them.
    private static let libsrtp: [SRTPProfile: (packets: [String], reports: [String])] = [
        .aes128GCM: (
            [
                "9060fffe000103e6cafebabebede000110aa000050aeabef47e2f9bebc6fad22790d81414b98e4454a364ed3bbac5cddee6339870cdb720c",
                "9060ffff000103e7cafebabebede000110aa00000ca48ec2c5a6c4b099e9a667cd7ce6c2a98f22a4b8b6b8034396416c3152539b70c04ef9",
                "90600000000003e8cafebabebede000110aa0000e96f384130a20c07c678203cf93007eee5563d91d0a7a0c2bbdbf1bb538cd53eb9a5e069",
                "90600001000003e9cafebabebede000110aa0000079f7097cbe3f1f6adaec59a6357eb4621917d033852d366b3fff40b8f68518dcedabc25",
            ],
            [
                "81c90007cafebabecb518a1a338a69c6a8f33745bff8157fdaf80a4084c0709348f58d90cc83acf8be1ffeadf0b7068c80000001",
                "81c90007cafebabe5efd18d072acb107995ffdf8bb95caf0f3e8e3334d1c98b388a14cbfb613efcb9ad6619de4b33dde80000002",
            ]
        ),
        .aes128CounterSHA1: (
            [
                "9060fffe000103e6cafebabebede000110aa0000da27e34786951800e4361c4a7e9720c90458151b9dfd50453415677ac7bb",
                "9060ffff000103e7cafebabebede000110aa0000aaf5d9caea87874cd9e37c8dbd0c6fdff0c3314d010958bca0adc6df90c1",
                "90600000000003e8cafebabebede000110aa0000a324af6526941a60c45b512ec5c56ae764e8dff4aa2fbabc7f1313006ff4",
                "90600001000003e9cafebabebede000110aa00008413858d677fa459dd0b74ba3979e3ec063275d9bcf0e8859633e6fbe4d6",
            ],
            [
                "81c90007cafebabe9d03c03f72549cd9ad29718a54fbe2c304269febb5c330fc80000001a81facf4a831d5388327",
                "81c90007cafebabe005d792a8cf3b76eb740919d0308cb563aafbce0eeb6aef180000002d55d20521884f7a801c0",
            ]
        ),
    ]

    @Test(arguments: SRTPProfile.allCases)
    func `packets are those of libsrtp, over a wrap of the sequence number`(profile: SRTPProfile) throws {
        let expected = try #require(Self.libsrtp[profile])
        let master = SRTPMasterKey(
            key: Array(0..<16),
            salt: (0..<UInt8(profile.saltByteCount)).map { 100 + $0 }
        )
        let sender = Sender(master, profile: profile)
        let receiver = Receiver(master, profile: profile)
        for (sequence, text) in zip([65_534, 65_535, 0, 1] as [UInt16], expected.packets) {
            let packet = Packets.extended(sequence: sequence, timestamp: 1000 + UInt32(sequence))
            #expect(Hex.encode(sender.protect(packet)) == text)
            #expect(receiver.unprotect(try bytes(text)) == .plain(packet))
        }
        let report = [0x81, 201, 0, 7, 0xca, 0xfe, 0xba, 0xbe] + Array(0..<24 as Range<UInt8>)
        _ = sender.protectReport(report)
        for text in expected.reports {
            #expect(Hex.encode(sender.protectReport(report)) == text)
            #expect(receiver.unprotectReport(try bytes(text)) == .plain(report))
        }
    }

    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }
}
