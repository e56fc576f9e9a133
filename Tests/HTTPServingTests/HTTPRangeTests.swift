import Glibc
import HTTPServing
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPRangeTests {
    private let router: HTTPRouter
    private static let files = Atomic<Int>(0)

    init() throws {
        let router = HTTPRouter()
        let number = Self.files.add(1, ordering: .relaxed).newValue
        let path = "/tmp/martlet-range-\(getpid())-\(number)"
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        let digits = Array("0123456789".utf8)
        _ = unsafe write(descriptor, digits, digits.count)
        close(descriptor)
        let file = try OpenFile(path: path)
        _ = unsafe unlink(path)
        router.get("/file") { _ in
            HTTPResponse(
                headers: ["etag": "\"v1\"", "content-type": "text/plain"],
                content: .pieces([.bytes(Array("<<".utf8))] + file.whole + [.bytes(Array(">>".utf8))])
            )
        }
        self.router = router
    }

    private func get(_ fields: String..., method: String = "GET") async throws -> String {
        let request =
            "\(method) /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        return try await withServer(router) { server, _ in
            try RawClient(port: server.port).exchange(request)
        }
    }

    @Test func `sends bytes and files as one body`() async throws {
        let answer = try await get()
        #expect(answer.contains("content-length: 14\r\n") && answer.contains("accept-ranges: bytes\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n<<0123456789>>"))
    }

    @Test(arguments: [
        ("bytes=0-3", "0-3", "<<01"), ("bytes=1-2", "1-2", "<0"), ("bytes=11-", "11-13", "9>>"),
        ("bytes=-3", "11-13", "9>>"), ("bytes=-99", "0-13", "<<0123456789>>"),
        ("bytes=4-99", "4-13", "23456789>>"),
    ])
    func `answers one range by 206`(range: String, expected: String, body: String) async throws {
        let answer = try await get("Range: \(range)")
        #expect(answer.hasPrefix("HTTP/1.1 206 Partial Content\r\n"))
        #expect(answer.contains("content-range: bytes \(expected)/14\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n\(body)"))
    }

    @Test(arguments: ["bytes=14-", "bytes=-0", "bytes=99-100"])
    func `answers 416 where no byte exists`(range: String) async throws {
        let answer = try await get("Range: \(range)")
        #expect(answer.hasPrefix("HTTP/1.1 416 ") && answer.contains("content-range: bytes */14\r\n"))
    }

    @Test(arguments: [
        "bytes=0-1,3-4", "bytes=5-2", "bytes=a-b", "bytes=", "lines=0-1", "bytes=--3",
        "bytes=99999999999999999999-",
    ])
    func `answers several or senseless ranges by the whole`(range: String) async throws {
        #expect(try await get("Range: \(range)").hasPrefix("HTTP/1.1 200 OK\r\n"))
    }

    @Test func `honours a range only of the version that If-Range names`() async throws {
        #expect(try await get("Range: bytes=0-0", "If-Range: \"v1\"").hasPrefix("HTTP/1.1 206 "))
        #expect(try await get("Range: bytes=0-0", "If-Range: \"v0\"").hasPrefix("HTTP/1.1 200 "))
        #expect(try await get("Range: bytes=0-0", "If-Range: W/\"v1\"").hasPrefix("HTTP/1.1 200 "))
    }

    @Test func `answers 304 to a client that has this version`() async throws {
        for tags in ["\"v1\"", "\"v0\", \"v1\"", "W/\"v1\"", "*"] {
            let answer = try await get("If-None-Match: \(tags)")
            #expect(answer.hasPrefix("HTTP/1.1 304 ") && answer.hasSuffix("\r\n\r\n"))
            #expect(answer.contains("etag: \"v1\"\r\n"))
        }
        #expect(try await get("If-None-Match: \"v0\"").hasPrefix("HTTP/1.1 200 "))
    }

    @Test func `answers HEAD with the length and no body`() async throws {
        let answer = try await get(method: "HEAD")
        #expect(answer.contains("content-length: 14\r\n") && answer.hasSuffix("\r\n\r\n"))
    }
}
