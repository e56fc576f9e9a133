import Crypto
import HTTPServing
import Postgres
import Reactor
import Redis
import Telemetry
import TestSupport
import Testing

@testable import Auth

private let stream = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
private let path = "/api/v1/streams/\(stream)/keys"

@Suite(.timeLimit(.minutes(2))) struct StreamKeyTests {
    /// A connection of another service to the database of the test.
    private func connection(
        to database: PostgresServer.Database,
        as service: String,
        on loop: EventLoop
    ) async throws -> PostgresConnection {
        try await PostgresConnection.open(
            PostgresConfiguration(
                address: database.address(for: "martlet_\(service)"),
                applicationName: service
            ),
            on: loop
        )
    }

    @Test func `a key is shown once and found by ingest in its hashed form`() async throws {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase()
        let stack = try AuthStack(database: database.address(for: "martlet_auth"), redis: redis.url)
        try await stack.run { stack in
            let made = try await stack.send("POST", path, ["name": "main"], headers: AuthStack.basic)
            #expect(made.status == 201)
            let secret = made.text("secret")
            #expect(made.text("streamKey") == "main?k=\(secret)")
            #expect(secret.utf8.count == 32)
            let list = try await stack.send("GET", path, headers: AuthStack.basic)
            #expect(list.items.count == 1)
            #expect(list.items.first?["secret"] == nil)

            let ingest = try await connection(to: database, as: "ingest", on: stack.loop)
            let sql = "SELECT * FROM auth.v1_stream_keys WHERE name = $1"
            let row = try #require(try await ingest.query(sql, ["main"]).first)
            #expect(try row.string("key_id") == made.text("id"))
            #expect(try row.string("stream_id") == stream)
            #expect(try row.bytes("secret_hash") == SHA256.digest(of: secret))
            #expect(try row.bool("revoked") == false)
            await #expect(throws: PostgresError.self) {
                try await ingest.query("SELECT * FROM auth.stream_keys")
            }
            await ingest.close()
        }
    }

    @Test func `rotating and revoking a key are told to ingest`() async throws {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        let stack = try AuthStack(database: database, redis: redis.url)
        try await stack.run { stack in
            let made = try await stack.send("POST", path, ["name": "main"], headers: AuthStack.basic)
            let key = made.text("id")
            let rotated = try await stack.send("POST", path + "/\(key)/rotate", headers: AuthStack.basic)
            #expect(rotated.status == 200)
            #expect(rotated.text("secret") != made.text("secret"))
            #expect(try await stack.send("DELETE", path + "/\(key)", headers: AuthStack.basic).status == 204)
            #expect(try await stack.send("DELETE", path + "/\(key)", headers: AuthStack.basic).status == 404)
            #expect(
                try await stack.send("POST", path + "/\(key)/rotate", headers: AuthStack.basic).status == 404
            )
            var events: [[String: String]] = []
            while events.count < 2 { events = try await stack.events() }
            #expect(events.map { $0["type"] } == ["key.revoked", "key.revoked"])
            #expect(events.allSatisfy { $0["subject"] == key })
            #expect(Set(events.map { $0["id"] }).count == 2)
            #expect(events.first?["data"] == "{\"keyId\": \"\(key)\", \"streamId\": \"\(stream)\"}")
            let again = try await stack.send("POST", path, ["name": "main"], headers: AuthStack.basic)
            #expect(again.status == 201)
        }
    }

    @Test func `names of living keys are unique and plain`() async throws {
        try await AuthStack.run { stack in
            func make(_ name: String) async throws -> Int {
                try await stack.send("POST", path, ["name": name], headers: AuthStack.basic).status
            }
            #expect(try await make("main") == 201)
            #expect(try await make("main") == 409)
            for name in ["", "a b", "a?b", "a/b", "ä", ".a", String(repeating: "a", count: 65)] {
                #expect(try await make(name) == 400)
            }
            let unnamed = try await stack.send("POST", path, [:], headers: AuthStack.basic)
            #expect(unnamed.status == 201)
            let elsewhere = "/api/v1/streams/main/keys"
            #expect(try await stack.send("GET", elsewhere, headers: AuthStack.basic).status == 404)
        }
    }

    @Test func `what the catalog does not know gets no key and no link`() async throws {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase()
        let catalog = try await connection(to: database, as: "catalog", on: EventLoop(name: "catalog"))
        try await catalog.script(
            """
            CREATE VIEW catalog.v1_streams AS SELECT '\(stream)'::text AS id, 'main'::text AS slug;
            GRANT SELECT ON catalog.v1_streams TO martlet_auth
            """
        )
        await catalog.close()
        let stack = try AuthStack(database: database.address(for: "martlet_auth"), redis: redis.url)
        try await stack.run { stack in
            let other = "/api/v1/streams/baaaaaaaaaaaaaaaaaaaaaaaaa/"
            for kind in ["keys", "shares"] {
                #expect(
                    try await stack.send("POST", other + kind, [:], headers: AuthStack.basic).status == 404
                )
            }
            let share = try await stack.makeShare(stream)
            #expect(try await stack.exchange(share.secret).text("slug") == "main")
        }
    }

    @Test func `what opened a stream opens nothing once it is deleted, and is revoked when it is gone`()
        async throws
    {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase()
        let catalog = try await connection(to: database, as: "catalog", on: EventLoop(name: "catalog"))
        try await catalog.script(
            """
            CREATE TABLE catalog.streams (id text, slug text, deleted boolean, purged_at timestamptz);
            CREATE VIEW catalog.v1_streams AS SELECT id, slug FROM catalog.streams WHERE NOT deleted;
            CREATE VIEW catalog.v1_purged_streams AS
                SELECT id, purged_at FROM catalog.streams WHERE purged_at IS NOT NULL;
            GRANT SELECT ON catalog.v1_streams, catalog.v1_purged_streams TO martlet_auth;
            INSERT INTO catalog.streams VALUES ('\(stream)', 'main', false, NULL)
            """
        )
        let stack = try AuthStack(database: database.address(for: "martlet_auth"), redis: redis.url)
        try await stack.run { stack in
            let path = "/api/v1/streams/\(stream)/keys"
            _ = try await stack.send("POST", path, ["name": "main"], headers: AuthStack.basic)
            let share = try await stack.makeShare(stream)
            let token = try #require(try await stack.exchange(share.secret).cookie("martlet_media"))
            let media: HTTPFields = ["cookie": "martlet_media=\(token)"]

            try await catalog.script("UPDATE catalog.streams SET deleted = true")
            #expect(try await stack.exchange(share.secret).status == 404)
            #expect(try await stack.service.routes.streams.revokePurged() == 0)
            try await catalog.script("UPDATE catalog.streams SET deleted = false")
            #expect(try await stack.exchange(share.secret).status == 200)

            try await catalog.script("UPDATE catalog.streams SET deleted = true, purged_at = now()")
            #expect(try await stack.service.routes.streams.revokePurged() == 2)
            let keys = try await stack.send("GET", path, headers: AuthStack.basic)
            #expect(keys.items.map { $0["revoked"] as? Bool } == [true])
            try await eventually("the token opens nothing") {
                try await stack.authorize("GET", "/live/\(stream)/index.m3u8", headers: media).status == 401
            }
        }
        await catalog.close()
    }

    @Test func `a long list comes in pages`() async throws {
        try await AuthStack.run { stack in
            for number in 0..<5 {
                _ = try await stack.send("POST", path, ["name": "key\(number)"], headers: AuthStack.basic)
            }
            var names: [String] = []
            var cursor = ""
            repeat {
                let query = "?limit=2" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")
                let page = try await stack.send("GET", path + query, headers: AuthStack.basic)
                names += page.items.compactMap { $0["name"] as? String }
                cursor = page.text("next")
            } while !cursor.isEmpty
            #expect(names == ["key4", "key3", "key2", "key1", "key0"])
            for query in ["?limit=0", "?limit=x", "?cursor=!", "?cursor=YWFh"] {
                #expect(try await stack.send("GET", path + query, headers: AuthStack.basic).status == 400)
            }
        }
    }
}

extension AuthStack {
    /// What has been relayed to the stream `events` so far.
    func events() async throws -> [[String: String]] {
        let reply = try await service.redis.command("XRANGE", "events", "-", "+")
        return (reply.array ?? []).map { entry -> [String: String] in
            let words = entry.array?.last?.array?.compactMap(\.string) ?? []
            let pairs = stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
            return Dictionary(pairs) { first, _ in first }
        }
    }
}
