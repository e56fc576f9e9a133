import HTTPServing
import Sockets
import Testing

@Suite struct HTTPRouterTests {
    private let router: HTTPRouter = {
        let router = HTTPRouter()
        for pattern in [
            "/live/:stream/index.m3u8", "/live/:stream/:session/index.m3u8",
            "/live/:stream/:session/:track/:file", "/files/*rest", "/", "/a/:x/c", "/a/b/d",
        ] {
            router.get(pattern) { request in
                let values = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                return .text("\(pattern) \(values.joined(separator: " "))")
            }
        }
        return router
    }()

    private func get(_ path: String, method: String = "GET") async throws -> String {
        let peer = PeerAddress(host: "127.0.0.1", port: 1)
        let response = try await router.respond(
            to: HTTPRequest(method: method, path: path, body: HTTPRequestBody(), peer: peer)
        )
        guard case .bytes(let bytes) = response.content else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("/", "/ "), ("/live/s/index.m3u8", "/live/:stream/index.m3u8 stream=s"),
        ("/live/s/e/index.m3u8", "/live/:stream/:session/index.m3u8 session=e stream=s"),
        (
            "/live/s/e/0/1.2.m4s",
            "/live/:stream/:session/:track/:file file=1.2.m4s session=e stream=s track=0"
        ),
        ("/files/a/b%20c", "/files/*rest rest=a/b c"), ("/a/b/c", "/a/:x/c x=b"), ("/a/b/d", "/a/b/d "),
    ])
    func `finds the most literal route`(path: String, expected: String) async throws {
        #expect(try await get(path) == expected)
    }

    @Test(arguments: [
        "/live", "/live/s", "/live//index.m3u8", "/a/b/d/", "//", "/" + String(repeating: "a/", count: 8000),
    ])
    func `finds nothing elsewhere`(path: String) async {
        await #expect(throws: HTTPProblem.self) { try await get(path) }
    }

    @Test func `names the methods that a path knows`() async {
        await #expect {
            try await get("/a/b/c", method: "DELETE")
        } throws: { error in
            (error as? HTTPProblem)?.status == 405 && (error as? HTTPProblem)?.headers["allow"] == "GET, HEAD"
        }
    }
}
