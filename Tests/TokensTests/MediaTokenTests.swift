import Bytes
import Testing
import Tokens

@Suite struct MediaTokenTests {
    private static let stream = Base32.encode([UInt8](repeating: 1, count: 16))
    private static let user = Base32.encode([UInt8](repeating: 2, count: 16))
    private static let grant = Base32.encode([UInt8](repeating: 255, count: 16))

    private let token = MediaToken(
        .play,
        .live,
        object: stream,
        subject: .user(user),
        grant: grant,
        expiry: 1_700_000_000
    )

    /// No HMAC, but like one: 32 bytes that depend on every byte and on the key.
    private func code(_ payload: [UInt8], _ key: UInt32) -> [UInt8] {
        var state = UInt64(key) &+ 0x9e37_79b9_7f4a_7c15
        for byte in payload { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return (0..<32).map { UInt8(truncatingIfNeeded: state >> (UInt64($0 % 8) * 8)) &+ UInt8($0) }
    }

    private func text(_ token: MediaToken, key: UInt32 = 7) throws -> String {
        try #require(token.signed(key: key) { code($0, key) })
    }

    private func open(_ text: String, now: Int64 = 1_699_999_999) throws -> MediaToken {
        try MediaToken(text, now: now) { payload, key in key == 7 ? code(payload, key) : nil }
    }

    @Test func `a token comes back as it was given`() throws {
        #expect(try open(text(token)) == token)
        var shared = token
        shared.subject = .share(Self.user)
        shared.prefix = .vod
        shared.expiry = .max
        #expect(try open(text(shared)) == shared)
    }

    @Test func `every token has the same length and is safe in a path`() throws {
        let text = try text(token)
        #expect(text.utf8.count == MediaToken.textByteCount)
        #expect(text.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) })
    }

    @Test func `a token ends with its expiry`() throws {
        let text = try text(token)
        #expect(try open(text, now: token.expiry - 1) == token)
        #expect(throws: MediaToken.Failure.expired) { try open(text, now: token.expiry) }
    }

    @Test func `a change of any character is noticed`() throws {
        let text = Array(try text(token))
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(throws: MediaToken.Failure.self) { try open(String(changed)) }
        }
    }

    @Test func `a token of a forgotten key is refused by the key's number`() throws {
        let text = try text(token, key: 6)
        #expect(throws: MediaToken.Failure.unknownKey(6)) { try open(text) }
    }

    @Test(arguments: ["", ".", "a.b", String(repeating: "A", count: 130), String(repeating: "ä", count: 65)])
    func `what is no token is refused`(text: String) {
        #expect(throws: MediaToken.Failure.self) { try open(text) }
    }

    @Test func `what is no ID is not signed`() {
        var wrong = token
        wrong.object = "main"
        #expect(wrong.signed(key: 7) { code($0, 7) } == nil)
    }
}

@Suite struct MediaPathTests {
    private static let stream = "abcdefghijklmnopqrstuvwx27"

    @Test func `a path is taken apart`() throws {
        let path = try #require(MediaPath("/live/\(Self.stream)/session/1/2.3.m4s"))
        #expect(path.prefix == .live)
        #expect(path.token == nil)
        #expect(path.object == Self.stream)
        #expect(path.rest == ["session", "1", "2.3.m4s"])
        let carried = try #require(MediaPath("/vod/~a.b/\(Self.stream)/index.m3u8"))
        #expect(carried.prefix == .vod)
        #expect(carried.token == "a.b")
    }

    @Test(arguments: [
        "", "/", "/live", "/live/", "/live/main/index.m3u8", "live/\(stream)", "//live/\(stream)",
        "/live//\(stream)",
        "/live/\(stream)/../other", "/live/\(stream)/./x", "/live/\(stream)/%2e%2e/x", "/live/\(stream)/a b",
        "/live/\(stream)\\x", "/live/~/", "/live/~token", "/LIVE/\(stream)", "/live/\(stream.uppercased())",
        "/api/v1/streams", "/live/\(stream)/" + String(repeating: "a/", count: 20), "/live/\(stream)/a//b",
    ])
    func `a path that could be read in two ways is none`(path: String) {
        #expect(MediaPath(path) == nil)
    }
}
