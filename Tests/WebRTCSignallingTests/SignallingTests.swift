import Configuration
import HTTPServing
import SDP
import Sockets
import Testing

@testable import WebRTCSignalling

@Suite struct SignallingTests {
    private static let fragment = "a=ice-ufrag:new1\r\na=ice-pwd:0123456789012345678901\r\n"
    private static let candidates =
        "a=ice-ufrag:old1\r\na=ice-pwd:0123456789012345678901\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"

    private func request(_ body: String, type: String?, ifMatch: String? = nil) -> HTTPRequest {
        var headers: HTTPFields = [:]
        headers["content-type"] = type
        headers["if-match"] = ifMatch
        return HTTPRequest(
            method: "PATCH",
            path: "/",
            headers: headers,
            body: HTTPRequestBody(bytes: Array(body.utf8)),
            peer: PeerAddress(host: "127.0.0.1", port: 1)
        )
    }

    private func change(
        _ body: String,
        ifMatch: String?
    ) async -> Result<SignallingRequest.Change, HTTPProblem> {
        let request = request(body, type: "application/trickle-ice-sdpfrag", ifMatch: ifMatch)
        do {
            return .success(
                try await SignallingRequest.change(in: request, entityTag: "tag1", fragment: "old1")
            )
        } catch let problem as HTTPProblem {
            return .failure(problem)
        } catch {
            return .failure(HTTPProblem(500, "unexpected", "\(error)"))
        }
    }

    private func status(_ body: String, ifMatch: String?) async -> Int? {
        if case .failure(let problem) = await change(body, ifMatch: ifMatch) { return problem.status }
        return nil
    }

    @Test func `candidates need no precondition, but must not have a stale one`() async throws {
        for tag in [nil, "\"tag1\"", "*", "\"x\", \"tag1\""] {
            guard case .success(.trickle(let fragment)) = await change(Self.candidates, ifMatch: tag) else {
                Issue.record("refused with \(tag ?? "none")")
                continue
            }
            #expect(fragment.candidates.count == 1)
        }
        #expect(await status(Self.candidates, ifMatch: "\"tag0\"") == 412)
    }

    @Test func `new credentials are a restart, which needs a precondition`() async throws {
        #expect(await status(Self.fragment, ifMatch: nil) == 428)
        #expect(await status(Self.fragment, ifMatch: "\"tag0\"") == 412)
        #expect(await status("a=ice-ufrag:new1\r\n", ifMatch: "*") == 400)
        guard case .success(.restart(let fragment)) = await change(Self.fragment, ifMatch: "*") else {
            Issue.record("no restart")
            return
        }
        #expect(fragment.fragment == "new1")
    }

    @Test func `what is no fragment and what is of another type is refused`() async throws {
        #expect(await status("hello", ifMatch: nil) == 400)
        for type in [nil, "text/plain", "application/sdp"] {
            await #expect {
                try await SignallingRequest.change(
                    in: request(Self.fragment, type: type),
                    entityTag: "",
                    fragment: nil
                )
            } throws: {
                ($0 as? HTTPProblem)?.status == 415
            }
        }
    }

    @Test func `an offer is refused with what is to be changed`() async throws {
        func problem(_ body: String, _ type: String = "application/sdp; charset=utf-8") async -> HTTPProblem?
        {
            do {
                _ = try await SignallingRequest.offer(in: request(body, type: type))
                return nil
            } catch {
                return error as? HTTPProblem
            }
        }
        #expect(await problem("x", "text/plain")?.status == 415)
        #expect(await problem("x")?.status == 400)
        #expect(await problem("v=0\r\ns=-\r\n")?.code == "no_media")
        let section = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtcp-mux\r\n"
        #expect(await problem(section)?.code == "no_ice_credentials")
        #expect(await problem(String(repeating: "x", count: 70_000))?.status == 413)
    }

    @Test func `an answer carries address, tag and servers`() {
        let servers = [
            ICEServer(setting: "stun:stun.example.org"),
            ICEServer(setting: "turn:turn.example.org|user|secret"),
        ].compactMap(\.self)
        let response = SignallingResponse.created(
            answer: "v=0",
            location: "/whip/a/b",
            entityTag: "t",
            iceServers: servers
        )
        #expect(response.status == 201)
        #expect(response.headers["location"] == "/whip/a/b")
        #expect(response.headers["etag"] == "\"t\"")
        #expect(response.headers["content-type"] == "application/sdp")
        #expect(
            response.headers.values(of: "link") == [
                "<stun:stun.example.org>; rel=\"ice-server\"",
                "<turn:turn.example.org>; rel=\"ice-server\"; username=\"user\"; credential=\"secret\"; "
                    + "credential-type=\"password\"",
            ]
        )
        #expect(ICEServer(setting: "http://example.org") == nil)
        #expect(ICEServer(setting: "stun:a>b") == nil)
    }

    @Test func `whoever only asks what is taken hears of no password`() {
        let servers = [
            ICEServer(url: "stun:a"), ICEServer(url: "turn:b", username: "user", credential: "secret"),
        ]
        let response = SignallingResponse.options(iceServers: servers)
        #expect(response.headers.values(of: "link") == ["<stun:a>; rel=\"ice-server\""])
    }

    @Test func `servers come from the setting, and one that is none stops the start`() throws {
        var reader = EnvironmentReader(["SFU_ICE_SERVERS": "stun:a, turn:b|user|secret"], prefix: "SFU_")
        #expect(
            ICEServer.all(from: &reader) == [
                ICEServer(url: "stun:a"), ICEServer(url: "turn:b", username: "user", credential: "secret"),
            ]
        )
        try reader.finish()
        var wrong = EnvironmentReader(["SFU_ICE_SERVERS": "stun:a,turn:b|user"], prefix: "SFU_")
        #expect(ICEServer.all(from: &wrong).isEmpty)
        #expect(throws: ConfigurationError.self) { try wrong.finish() }
    }

    @Test func `pages of any origin may ask`() {
        let response = SignallingResponse.options()
        #expect(response.status == 204)
        #expect(response.headers["accept-post"] == "application/sdp")
        #expect(response.headers["access-control-allow-origin"] == "*")
        #expect(response.headers["access-control-allow-methods"]?.contains("PATCH") == true)
        #expect(
            SignallingResponse.problem(SignallingResponse.noSession).headers.keys.contains(
                "access-control-allow-origin"
            )
        )
    }
}
