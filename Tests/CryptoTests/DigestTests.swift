import Bytes
import Crypto
import Testing

@Suite struct DigestTests {
    @Test func `SHA-256 and HMAC match the vectors of FIPS 180-4 and RFC 4231`() {
        #expect(
            Hex.encode(SHA256.digest(of: "abc"))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        #expect(
            Hex.encode(SHA256.digest(of: [UInt8]()))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        let code = HMACSHA256.code(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(Hex.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `a WebSocket is accepted with the answer of RFC 6455`() {
        #expect(WebSocketAccept.value(forKey: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func `equality looks at every byte and at the length`() {
        #expect(ConstantTime.equal([1, 2, 3], [1, 2, 3]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2, 4]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2]))
        #expect(ConstantTime.equal([], []))
    }

    @Test func `identifiers have 26 characters of base32 and never repeat`() {
        let identifiers = Set((0..<1000).map { _ in Randomness.identifier() })
        #expect(identifiers.count == 1000)
        let alphabet = Set("abcdefghijklmnopqrstuvwxyz234567")
        #expect(identifiers.allSatisfy { $0.count == 26 && $0.allSatisfy(alphabet.contains) })
        #expect(Randomness.secret().count == 32)
    }
}

@Suite struct Argon2idTests {
    private let cheap = Argon2id(memoryKibibytes: 64, passes: 1, lanes: 1)

    @Test func `a password verifies against its own hash only`() throws {
        let hash = try cheap.hash("correct horse")
        #expect(hash.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
        #expect(Argon2id.verify("correct horse", against: hash))
        #expect(!Argon2id.verify("correct horsf", against: hash))
        #expect(try cheap.hash("correct horse") != hash)
    }

    @Test func `the vector of the reference implementation verifies`() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(Argon2id.verify("password", against: hash))
    }

    @Test(arguments: ["", "$argon2id$", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$AAAA", "plain"])
    func `what is no hash verifies nothing`(hash: String) {
        #expect(!Argon2id.verify("password", against: hash))
    }
}
