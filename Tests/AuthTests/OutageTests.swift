import HTTPServing
import Redis
import Telemetry
import TestSupport
import Testing

@testable import Auth

private let stream = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

@Suite(.timeLimit(.minutes(2))) struct OutageTests {
    @Test func `without PostgreSQL what was valid goes on for the grace time, and nothing new begins`()
        async throws
    {
        let redis = try RedisServer()
        let server = try PostgresServer()
        let database = try server.makeDatabase().address(for: "martlet_auth")
        let stack = try AuthStack(
            database: database,
            redis: redis.url,
            graceSeconds: 3,
            queryLimit: .milliseconds(500)
        )
        try await stack.run { stack in
            let token = try await stack.mediaToken(stream)
            let uri = "/live/~\(token)/\(stream)/index.m3u8"
            #expect(try await stack.authorize("GET", uri).status == 204)
            server.stop(keepingData: true)
            #expect(try await stack.authorize("GET", uri).status == 204)
            let unknown = CredentialSecret(.apiToken).text
            let fields: HTTPFields = ["authorization": "Bearer \(unknown)"]
            let refused = try await stack.authorize("GET", "/api/v1/me", headers: fields)
            #expect(refused.status == 503)
            #expect(refused.headers["retry-after"] == "1")
            try await stack.eventually(503) { try await stack.authorize("GET", uri) }
            try server.start()
            try await stack.eventually(204) { try await stack.authorize("GET", uri) }
        }
    }

    @Test func `a revocation at one replica counts at the other`() async throws {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        let first = try AuthStack(database: database, redis: redis.url)
        let second = try AuthStack(database: database, redis: redis.url)
        try await first.run { first in
            let share = try await first.makeShare(stream)
            let answer = try await first.exchange(share.secret)
            let media: HTTPFields = ["cookie": "martlet_media=\(answer.cookie("martlet_media") ?? "")"]
            let uri = "/live/\(stream)/index.m3u8"
            try await second.run { second in
                #expect(try await second.authorize("GET", uri, headers: media).status == 204)
                let path = "/api/v1/streams/\(stream)/shares/\(share.identifier)"
                #expect(try await first.send("DELETE", path, headers: AuthStack.basic).status == 204)
                try await second.eventually(401) { try await second.authorize("GET", uri, headers: media) }
            }
        }
    }

    @Test func `events wait in the outbox while Redis is away and are relayed once it is back`() async throws
    {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        let stack = try AuthStack(database: database, redis: redis.url)
        try await stack.run { stack in
            let share = try await stack.makeShare(stream)
            redis.kill()
            let path = "/api/v1/streams/\(stream)/shares/\(share.identifier)"
            #expect(try await stack.send("DELETE", path, headers: AuthStack.basic).status == 204)
            try redis.start()
            var events: [[String: String]] = []
            while events.isEmpty { events = (try? await stack.events()) ?? [] }
            #expect(events.first?["type"] == "grant.revoked")
            #expect(events.first?["data"]?.contains("\"grant\"") == true)
        }
    }
}

@Suite struct GrantCacheTests {
    private let principal = Principal(subject: "s", kind: .session, role: .admin, grant: "g", expiry: 1000)

    @Test func `while notifications arrive an answer is fresh for a minute, else for a second`() {
        let cache = GrantCache()
        cache.remember(.grant("g"), principal, since: cache.stamp(), now: 100)
        #expect(cache.find(.grant("g"), now: 100) == .fresh(principal))
        #expect(cache.find(.grant("g"), now: 101) == .stale(principal, lastKnown: 100))
        cache.hear()
        #expect(cache.find(.grant("g"), now: 101) == .stale(principal, lastKnown: 100))
        cache.remember(.grant("g"), principal, since: cache.stamp(), now: 102)
        #expect(cache.find(.grant("g"), now: 161) == .fresh(principal))
        #expect(cache.find(.grant("g"), now: 162) == .stale(principal, lastKnown: 162))
        cache.goDeaf(now: 150)
        #expect(cache.find(.grant("g"), now: 160) == .stale(principal, lastKnown: 150))
    }

    @Test func `a revocation removes all that rests on the grant, and beats an older answer`() {
        let cache = GrantCache()
        cache.hear()
        let stamp = cache.stamp()
        cache.remember(.secret([1]), principal, since: stamp, now: 100)
        cache.forget(grant: "g")
        #expect(cache.find(.secret([1]), now: 100) == .unknown)
        cache.remember(.secret([1]), principal, since: stamp, now: 100)
        #expect(cache.find(.secret([1]), now: 100) == .stale(principal, lastKnown: 100))
    }

    @Test func `an answer ends with its credential`() {
        let cache = GrantCache()
        cache.hear()
        cache.remember(.grant("g"), principal, since: cache.stamp(), now: 999)
        #expect(cache.find(.grant("g"), now: 999) == .fresh(principal))
        #expect(cache.find(.grant("g"), now: 1000) == .unknown)
        #expect(cache.count == 0)
    }
}

@Suite struct LoginThrottleTests {
    @Test func `waits double after the free failures, up to the longest`() {
        var throttle = LoginThrottle()
        var waits: [Int64] = []
        for _ in 0..<16 {
            throttle.begin(address: "a", user: "u", now: 0)
            waits.append(throttle.wait(address: "a", user: "U", now: 0))
        }
        #expect(waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        #expect(throttle.wait(address: "a", user: "u", now: 300) == 0)
        #expect(throttle.wait(address: "b", user: "u", now: 0) == 0)
        throttle.succeed(address: "a", user: "u")
        #expect(throttle.wait(address: "a", user: "u", now: 0) == 0)
    }

    @Test func `failures are forgotten after an hour`() {
        var throttle = LoginThrottle()
        for _ in 0..<5 { throttle.begin(address: "a", user: "u", now: 0) }
        throttle.begin(address: "a", user: "u", now: 3601)
        #expect(throttle.wait(address: "a", user: "u", now: 3601) == 0)
    }
}
