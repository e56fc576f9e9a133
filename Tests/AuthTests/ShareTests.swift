import Foundation
import HTTPServing
import Testing
import Tokens

@testable import Auth

private let streamA = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
private let streamB = "baaaaaaaaaaaaaaaaaaaaaaaaa"

@Suite(.timeLimit(.minutes(2))) struct ShareTests {
    @Test func `a link's secret is exchanged for cookies of its stream`() async throws {
        try await AuthStack.run { stack in
            let share = try await stack.makeShare(streamA)
            let answer = try await stack.exchange(share.secret)
            #expect(answer.status == 200)
            #expect(answer.text("streamId") == streamA)
            let fields = answer.headers.values(of: "set-cookie")
            #expect(fields.contains { $0.hasPrefix("martlet_share=") && $0.contains("Path=/api/v1;") })
            #expect(
                fields.contains { $0.hasPrefix("martlet_media=") && $0.contains("Path=/live/\(streamA);") }
            )

            let media: HTTPFields = ["cookie": "martlet_media=\(answer.cookie("martlet_media") ?? "")"]
            let allowed = try await stack.authorize("GET", "/live/\(streamA)/index.m3u8", headers: media)
            #expect(allowed.status == 204)
            #expect(allowed.headers["x-martlet-subject"] == share.identifier)
            #expect(allowed.headers["x-martlet-role"] == "viewer")
            #expect(allowed.headers["x-martlet-streams"] == streamA)
            let other = try await stack.authorize("GET", "/live/\(streamB)/index.m3u8", headers: media)
            #expect(other.status == 401)
        }
    }

    @Test func `a right to watch opens an offer by WebRTC, by cookie or as a bearer token`() async throws {
        try await AuthStack.run { stack in
            let share = try await stack.makeShare(streamA)
            let answer = try await stack.exchange(share.secret)
            let cookies = answer.headers.values(of: "set-cookie")
            #expect(
                cookies.contains { $0.hasPrefix("martlet_media=") && $0.contains("Path=/whep/\(streamA);") }
            )
            let token = answer.cookie("martlet_media") ?? ""
            let carriers: [HTTPFields] = [
                ["cookie": "martlet_media=\(token)"], ["authorization": "Bearer \(token)"],
            ]
            for headers in carriers {
                for method in ["POST", "PATCH", "DELETE"] {
                    let allowed = try await stack.authorize(method, "/live/\(streamA)/whep", headers: headers)
                    #expect(allowed.status == 204)
                    #expect(allowed.headers["x-martlet-streams"] == streamA)
                }
                let other = try await stack.authorize("POST", "/live/\(streamB)/whep", headers: headers)
                #expect(other.status == 401 || other.status == 403)
                let file = try await stack.authorize("POST", "/live/\(streamA)/index.m3u8", headers: headers)
                #expect(file.status == 403)
            }
        }
    }

    @Test func `who came by a link sees its stream in the API and nothing else`() async throws {
        try await AuthStack.run { stack in
            let share = try await stack.makeShare(streamA)
            let cookie = try #require(try await stack.exchange(share.secret).cookie("martlet_share"))
            let page: HTTPFields = ["cookie": "martlet_share=\(cookie)", "sec-fetch-site": "same-origin"]
            let table: [(String, String, Int)] = [
                ("GET", "/api/v1/watch/main", 204), ("GET", "/api/v1/events?stream=x", 204),
                ("GET", "/api/v1/recordings", 204), ("GET", "/api/v1/me", 204),
                ("GET", "/api/v1/streams/\(streamA)", 204),
                ("POST", "/api/v1/streams/\(streamA)/media-cookie", 204),
                ("POST", "/api/v1/streams/\(streamB)/media-cookie", 403),
                ("PATCH", "/api/v1/streams/\(streamA)/viewers/0-x", 204),
                ("PATCH", "/api/v1/streams/\(streamB)/viewers/0-x", 403),
                ("GET", "/api/v1/streams/\(streamA)/viewers", 403),
                ("GET", "/api/v1/streams/\(streamB)", 403), ("GET", "/api/v1/streams", 403),
                ("POST", "/api/v1/streams", 403), ("GET", "/api/v1/tokens", 403),
                ("DELETE", "/api/v1/recordings/x", 403), ("PATCH", "/api/v1/streams/\(streamA)", 403),
                ("GET", "/api/v1/streams/\(streamA)/keys", 403), ("GET", "/metrics", 403),
            ]
            for (method, uri, status) in table {
                let answer = try await stack.authorize(method, uri, headers: page)
                #expect(answer.status == status, "\(method) \(uri)")
            }
            let own = try await stack.send("POST", "/api/v1/streams/\(streamA)/media-cookie", headers: page)
            #expect(own.status == 200)
            #expect(own.cookie("martlet_media") != nil)
            let keys = try await stack.send("GET", "/api/v1/streams/\(streamA)/keys", headers: page)
            #expect(keys.status == 404)
            let me = try await stack.send("GET", "/api/v1/me", headers: page)
            #expect(me.json["streams"] as? [String] == [streamA])
        }
    }

    @Test func `a browser with two links keeps both`() async throws {
        try await AuthStack.run { stack in
            let first = try await stack.makeShare(streamA)
            let second = try await stack.makeShare(streamB)
            let one = try #require(try await stack.exchange(first.secret).cookie("martlet_share"))
            let answer = try await stack.exchange(second.secret, cookie: "martlet_share=\(one)")
            let both = try #require(answer.cookie("martlet_share"))
            let page: HTTPFields = ["cookie": "martlet_share=\(both)", "sec-fetch-site": "same-origin"]
            for stream in [streamA, streamB] {
                let path = "/api/v1/streams/\(stream)/media-cookie"
                #expect(try await stack.send("POST", path, headers: page).status == 200)
            }
            let allowed = try await stack.authorize("GET", "/api/v1/recordings", headers: page)
            #expect(allowed.headers["x-martlet-streams"] == "\(streamB),\(streamA)")
            let again = try await stack.exchange(second.secret, cookie: "martlet_share=\(both)")
            #expect(again.cookie("martlet_share") == both)
        }
    }

    @Test func `a revoked link closes what was got by it`() async throws {
        try await AuthStack.run { stack in
            let share = try await stack.makeShare(streamA)
            let answer = try await stack.exchange(share.secret)
            let media: HTTPFields = ["cookie": "martlet_media=\(answer.cookie("martlet_media") ?? "")"]
            let uri = "/live/\(streamA)/index.m3u8"
            #expect(try await stack.authorize("GET", uri, headers: media).status == 204)
            let path = "/api/v1/streams/\(streamA)/shares/\(share.identifier)"
            #expect(try await stack.send("DELETE", path, headers: AuthStack.basic).status == 204)
            let began = ContinuousClock.now
            try await stack.eventually(401) { try await stack.authorize("GET", uri, headers: media) }
            #expect(ContinuousClock.now - began < .seconds(1))
            #expect(try await stack.exchange(share.secret).status == 404)
            #expect(try await stack.send("DELETE", path, headers: AuthStack.basic).status == 404)
        }
    }

    @Test func `a link that expires takes its cookies with it`() async throws {
        try await AuthStack.run { stack in
            let share = try await stack.makeShare(streamA, ttl: 2)
            let answer = try await stack.exchange(share.secret)
            let media: HTTPFields = ["cookie": "martlet_media=\(answer.cookie("martlet_media") ?? "")"]
            let uri = "/live/\(streamA)/index.m3u8"
            #expect(try await stack.authorize("GET", uri, headers: media).status == 204)
            try await stack.eventually(401) { try await stack.authorize("GET", uri, headers: media) }
            try await stack.eventually(404) { try await stack.exchange(share.secret) }
        }
    }

    @Test func `a secret that belongs to no link is not found`() async throws {
        let unknown = "mlh_" + String(repeating: "a", count: 32)
        try await AuthStack.run { stack in
            for secret in ["", "x", unknown, String(repeating: "a", count: 5000)] {
                let answer = try await stack.exchange(secret)
                #expect(answer.status == 404)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct MediaRightsTests {
    @Test func `a path token opens its stream alone`() async throws {
        try await AuthStack.run { stack in
            let token = try await stack.mediaToken(streamA)
            func ask(_ stream: String, _ token: String, method: String = "GET") async throws -> Int {
                let fields: HTTPFields = ["x-martlet-path-token": token]
                return try await stack.authorize(method, "/live/\(stream)/index.m3u8", headers: fields).status
            }
            #expect(try await ask(streamA, token) == 204)
            #expect(try await ask(streamA, token, method: "HEAD") == 204)
            #expect(try await ask(streamA, token, method: "POST") == 403)
            #expect(try await ask(streamB, token) == 403)
            #expect(try await ask(streamA, String(token.dropLast(4)) + "AAAA") == 403)
            #expect(try await ask(streamA, "x") == 403)
            let inPath = try await stack.authorize("GET", "/live/~\(token)/\(streamA)/index.m3u8")
            #expect(inPath.status == 204)
            #expect(inPath.headers["x-martlet-role"] == "viewer")
            let vod = try await stack.authorize("GET", "/vod/~\(token)/\(streamA)/index.m3u8")
            #expect(vod.status == 403)
        }
    }

    @Test func `a login watches everything, nobody watches nothing`() async throws {
        try await AuthStack.run { stack in
            let page = try await stack.login()
            for stream in [streamA, streamB] {
                let uri = "/live/\(stream)/index.m3u8"
                #expect(try await stack.authorize("GET", uri, headers: page).status == 204)
                #expect(try await stack.authorize("GET", uri, headers: AuthStack.basic).status == 204)
                #expect(try await stack.authorize("GET", uri).status == 401)
            }
        }
    }

    @Test func `a path that could be read in two ways is closed to everybody`() async throws {
        let paths = [
            "/live/\(streamA)/../\(streamB)/index.m3u8", "/live/\(streamA)/%2e%2e/\(streamB)/x",
            "/live//\(streamA)/x",
            "/live/main/index.m3u8", "/api/v1/../internal/authorize", "/api/v1/%2e%2e/x", "/", "",
            "/internal/authorize",
            "/api/v1//streams", "/api/v2/streams", "*", "http://x/api/v1/streams",
        ]
        try await AuthStack.run { stack in
            for path in paths {
                let answer = try await stack.authorize("GET", path, headers: AuthStack.basic)
                #expect(answer.status == 403, "\(path)")
            }
        }
    }

    @Test func `a logout ends the path tokens that the session made`() async throws {
        try await AuthStack.run { stack in
            let page = try await stack.login()
            let path = "/api/v1/streams/\(streamA)/media-token"
            let token = try await stack.send("POST", path, ["ttl": 60], headers: page).text("token")
            let uri = "/live/~\(token)/\(streamA)/index.m3u8"
            #expect(try await stack.authorize("GET", uri).status == 204)
            _ = try await stack.send("POST", "/api/v1/logout", headers: page)
            try await stack.eventually(403) { try await stack.authorize("GET", uri) }
        }
    }

    @Test func `a token lives at most a day`() async throws {
        try await AuthStack.run { stack in
            let path = "/api/v1/streams/\(streamA)/media-token"
            for ttl in [0, -1, 86_401, 1e300] {
                let answer = try await stack.send("POST", path, ["ttl": ttl], headers: AuthStack.basic)
                #expect(answer.status == 400)
            }
        }
    }

    @Test func `an answer from memory takes less than two milliseconds`() async throws {
        try await AuthStack.run { stack in
            let fields: HTTPFields = ["x-martlet-path-token": try await stack.mediaToken(streamA)]
            var times: [Duration] = []
            for _ in 0..<500 {
                let began = ContinuousClock.now
                _ = try await stack.authorize("GET", "/live/\(streamA)/index.m3u8", headers: fields)
                times.append(ContinuousClock.now - began)
            }
            times.sort()
            #expect(times[times.count / 2] < .milliseconds(2))
        }
    }
}
