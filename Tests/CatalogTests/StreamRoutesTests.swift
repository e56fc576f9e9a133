import Contracts
import HTTPServing
import Postgres
import Testing

@testable import Catalog

@Suite(.timeLimit(.minutes(1))) struct StreamRoutesTests {
    @Test func `makes, shows, changes and lists streams`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let made = try await catalog.ask("POST", "/api/v1/streams", #"{"slug":"main","title":"Main"}"#)
            #expect(made.status == 201)
            let stream = try made.decoded(StreamShape.self)
            #expect(Identifier.isValid(stream.id) && stream.state == "offline" && stream.record)
            #expect(made.headers["location"] == "/api/v1/streams/\(stream.id)")

            let shown = try await catalog.ask("GET", "/api/v1/streams/\(stream.id)", as: "viewer")
            #expect(shown.headers["etag"] == "\"1\"" && shown.text.contains("http://site/watch/main"))

            let path = "/api/v1/streams/\(stream.id)"
            let stale = try await catalog.ask(
                "PATCH",
                path,
                headers: ["if-match": "\"7\""],
                #"{"title":"x"}"#
            )
            #expect(stale.status == 412)
            let changed = try await catalog.ask(
                "PATCH",
                path,
                headers: ["if-match": "\"1\""],
                #"{"record":false}"#
            )
            #expect(changed.headers["etag"] == "\"2\"")
            #expect(try changed.decoded(StreamShape.self).record == false)
            #expect(try changed.decoded(StreamShape.self).title == "Main")

            let list = try await catalog.ask("GET", "/api/v1/streams?q=MAI&state=offline")
            #expect(try list.decoded(ListShape<StreamShape>.self).items.map(\.slug) == ["main"])
            let none = try await catalog.ask("GET", "/api/v1/streams?q=xyz")
            #expect(none.text == #"{"items":[],"next":null}"#)
        }
    }

    @Test func `pages through a list without missing or repeating`() async throws {
        try await CatalogFixture.run { catalog async throws in
            for index in 0..<7 { _ = try await catalog.makeStream("stream-\(index)") }
            for (sort, expected) in [("createdAt", Array(0..<7)), ("-createdAt", Array((0..<7).reversed()))] {
                var slugs: [String] = []
                var cursor: String?
                repeat {
                    let query = "?limit=3&sort=\(sort)" + (cursor.map { "&cursor=\($0)" } ?? "")
                    let page = try await catalog.ask("GET", "/api/v1/streams" + query)
                        .decoded(ListShape<StreamShape>.self)
                    slugs += page.items.map(\.slug)
                    cursor = page.next
                } while cursor != nil
                #expect(slugs == expected.map { "stream-\($0)" })
            }
        }
    }

    @Test func `answers the same creation once, and another one with its key not at all`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let key: HTTPFields = ["idempotency-key": "k1"]
            let first = try await catalog.ask("POST", "/api/v1/streams", headers: key, #"{"slug":"a"}"#)
            let again = try await catalog.ask("POST", "/api/v1/streams", headers: key, #"{"slug":"a"}"#)
            #expect(first.status == 201 && again.status == 201 && first.text == again.text)
            #expect(again.headers["etag"] == first.headers["etag"])
            let other = try await catalog.ask("POST", "/api/v1/streams", headers: key, #"{"slug":"b"}"#)
            #expect(other.status == 422 && other.code == "idempotency_key_reused")
            let taken = try await catalog.ask("POST", "/api/v1/streams", #"{"slug":"a"}"#)
            #expect(taken.status == 409 && taken.code == "slug_taken")
        }
    }

    @Test(arguments: [
        #"{"slug":"-a"}"#, #"{"slug":"A"}"#, #"{"slug":""}"#, #"{"slug":"a/b"}"#, #"{"slug":7}"#, "[]", "",
        #"{"title":"a\u0000b"}"#, #"{"title":"a\nb"}"#,
    ])
    func `refuses what is no stream`(body: String) async throws {
        try await CatalogFixture.run { catalog async throws in
            #expect(try await catalog.ask("POST", "/api/v1/streams", body).status == 400)
        }
    }

    @Test func `hides what one may not see, and refuses those who may only watch`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let mine = try await catalog.makeStream("mine")
            let other = try await catalog.makeStream("other")
            let list = try await catalog.ask("GET", "/api/v1/streams", as: "viewer", streams: mine)
            #expect(try list.decoded(ListShape<StreamShape>.self).items.map(\.id) == [mine])
            for target in ["/api/v1/streams/\(other)", "/api/v1/watch/other", "/hls/other.m3u8"] {
                #expect(try await catalog.ask("GET", target, as: "viewer", streams: mine).status == 404)
            }
            #expect(try await catalog.ask("POST", "/api/v1/streams", as: "viewer", "{}").status == 403)
            #expect(try await catalog.ask("DELETE", "/api/v1/streams/\(mine)", as: "viewer").status == 403)
            #expect(try await catalog.ask("GET", "/api/v1/streams", as: "nobody").status == 401)
            #expect(try await catalog.ask("GET", "/api/v1/streams/..").status == 400)
            #expect(try await catalog.ask("GET", "/api/v1/streams/x'--").status == 404)
        }
    }

    @Test func `brings a deleted stream back within its time`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let id = try await catalog.makeStream("gone")
            let path = "/api/v1/streams/\(id)"
            let deleted = try await catalog.ask("DELETE", path)
            #expect(deleted.status == 202 && deleted.text.contains(#""undoUrl":"\#(path)/restore""#))
            #expect(try await catalog.ask("GET", path).status == 404)
            #expect(try await catalog.openSession(id) == nil)
            #expect(try await catalog.ask("POST", path + "/restore").status == 200)
            #expect(try await catalog.ask("GET", path).status == 200)
            _ = try await catalog.openSession(id)
            #expect(try await catalog.ask("DELETE", path).code == "stream_is_live")
        }
    }

    @Test func `does not bring back what was deleted too long ago`() async throws {
        try await CatalogFixture.run {
            $0.undo = .zero
        } _: { catalog async throws in
            let id = try await catalog.makeStream("gone")
            _ = try await catalog.ask("DELETE", "/api/v1/streams/\(id)")
            #expect(try await catalog.ask("POST", "/api/v1/streams/\(id)/restore").status == 404)
        }
    }

    @Test func `hides the media of what is deleted until it is back`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let id = try await catalog.makeStream("gone")
            let hidden = "SELECT stream_id, session_id FROM catalog.v1_hidden_media"
            #expect(try await catalog.asRole("martlet_origin", hidden).isEmpty)
            _ = try await catalog.ask("DELETE", "/api/v1/streams/\(id)")
            let rows = try await catalog.asRole("martlet_origin", hidden)
            #expect(rows.map { $0["stream_id"].text } == [id] && rows.allSatisfy { $0["session_id"].isNull })
            _ = try await catalog.ask("POST", "/api/v1/streams/\(id)/restore")
            #expect(try await catalog.asRole("martlet_origin", hidden).isEmpty)
            #expect(
                try await catalog.asRole("martlet_auth", "SELECT * FROM catalog.v1_purged_streams").isEmpty
            )
        }
    }

    @Test func `a short address is the public name of a stream key, else the slug`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let camera = try await catalog.makeStream("camera")
            let stage = try await catalog.makeStream("stage")
            #expect(
                try await catalog.ask("GET", "/hls/camera.m3u8").headers["location"]?.contains(camera) == true
            )
            _ = try await catalog.asRole(
                "martlet_auth",
                """
                CREATE VIEW auth.v1_stream_key_names AS
                    SELECT * FROM (VALUES ('camera', '\(stage)'), ('front', '\(camera)')) AS k (name, stream_id)
                """
            )
            _ = try await catalog.asRole(
                "martlet_auth",
                "GRANT SELECT ON auth.v1_stream_key_names TO martlet_catalog"
            )
            for (name, stream) in [("camera", stage), ("front", camera), ("stage", stage)] {
                let answer = try await catalog.ask("GET", "/hls/\(name).m3u8")
                #expect(answer.headers["location"] == "/live/\(stream)/index.m3u8")
            }
            #expect(
                try await catalog.ask("GET", "/hls/front.m3u8", as: "viewer", streams: stage).status == 404
            )
        }
    }

    @Test func `answers 501 to what a later version brings`() async throws {
        try await CatalogFixture.run { catalog async throws in
            for (method, target) in [("GET", "/api/devices"), ("POST", "/api/upload"), ("GET", "/runners")] {
                let answer = try await catalog.ask(method, target)
                #expect(answer.status == 501 && answer.code == "not_available_yet")
            }
        }
    }
}
