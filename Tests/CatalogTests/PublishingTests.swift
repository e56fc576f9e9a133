import Contracts
import Postgres
import Redis
import Testing

@testable import Catalog

@Suite(.timeLimit(.minutes(1))) struct PublishingTests {
    private func state(_ catalog: CatalogFixture, _ slug: String) async throws -> WatchShape {
        try await catalog.ask("GET", "/api/v1/watch/\(slug)", as: "viewer").decoded(WatchShape.self)
    }

    @Test func `a stream goes live, away, back and to its end`() async throws {
        try await CatalogFixture.run {
            $0.sweepMargin = .seconds(60)
        } _: { catalog async throws in
            let stream = try await catalog.makeStream("main")
            #expect(try await state(catalog, "main").state == "offline")
            let opened = try #require(try await catalog.openSession(stream))
            let session = try opened.string("session_id")
            #expect(Identifier.isValid(session))
            #expect(try opened.int("epoch") == 1 && opened.bool("resumed") == false && opened.bool("record"))
            #expect(try opened.string("slug") == "main" && opened.string("title") == "Title of main")
            #expect(try await state(catalog, "main").state == "live")
            #expect(try await state(catalog, "main").hlsUrl == "/live/\(stream)/index.m3u8")

            func call(_ sql: String) async throws -> Bool {
                try await catalog.asRole("martlet_ingest", "SELECT \(sql) AS done").first?.bool("done")
                    ?? false
            }
            #expect(try await call("catalog.v1_set_session_state('\(session)', 1, 'away')"))
            #expect(try await call("catalog.v1_set_session_state('\(session)', 1, 'away')") == false)
            #expect(try await state(catalog, "main").state == "away")

            let back = try #require(try await catalog.openSession(stream))
            #expect(
                try back.string("session_id") == session && back.int("epoch") == 2 && back.bool("resumed")
            )
            #expect(try await call("catalog.v1_end_session('\(session)', 1)") == false)
            #expect(try await state(catalog, "main").state == "live")
            #expect(try await call("catalog.v1_end_session('\(session)', 2)"))
            let ended = try await state(catalog, "main")
            #expect(ended.state == "ended" && ended.session?.id == session)

            let next = try #require(try await catalog.openSession(stream))
            #expect(try next.string("session_id") != session && next.int("epoch") == 3)
        }
    }

    @Test func `a publisher that returns too late gets a new session`() async throws {
        try await CatalogFixture.run {
            $0.sweepMargin = .seconds(60)
        } _: { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let first = try #require(try await catalog.openSession(stream, grace: 0)).string("session_id")
            let away = "SELECT catalog.v1_set_session_state('\(first)', 1, 'away')"
            _ = try await catalog.asRole("martlet_ingest", away)
            let second = try #require(try await catalog.openSession(stream, grace: 0))
            #expect(try second.string("session_id") != first && second.bool("resumed") == false)
        }
    }

    @Test func `ends the session of an ingest that died, not one that gives signs of life`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let dead = try await catalog.makeStream("dead")
            let alive = try await catalog.makeStream("alive")
            _ = try await catalog.openSession(dead, grace: 0)
            _ = try await catalog.openSession(alive, grace: 0)
            _ = try await catalog.bus.command("ZADD", "live", "1", dead)
            var beat = 1
            try await catalog.eventually {
                beat += 1
                _ = try await catalog.bus.command("ZADD", "live", "\(beat)", alive)
                return try await state(catalog, "dead").state == "ended"
            }
            #expect(try await state(catalog, "alive").state == "live")
        }
    }

    @Test func `what has failed stays so, with its first reason`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let session = try #require(try await catalog.openSession(stream)).string("session_id")
            func report(_ duration: Double, _ state: String, _ failure: String?) async throws {
                _ = try await catalog.asRole(
                    "martlet_origin",
                    "SELECT catalog.v1_report_recording($1, $2, $3, $4, '[]', $5)",
                    [.text(session), .double(duration), .int(1), .text(state), PostgresValue(failure)]
                )
            }
            try await report(2, "recording", nil)
            try await report(3, "failed", "write: No space left on device")
            try await report(4, "recording", nil)
            try await report(5, "failed", "write: Input/output error")
            try await report(9, "complete", nil)
            let list = try await catalog.ask("GET", "/api/v1/recordings?stream=\(stream)")
            let recording = try #require(try list.decoded(ListShape<RecordingShape>.self).items.first)
            #expect(recording.state == "failed" && recording.duration == 9)
            #expect(recording.failure == "write: No space left on device")
        }
    }

    @Test func `keeps what origin reports of a recording`() async throws {
        try await CatalogFixture.run {
            $0.sweepMargin = .seconds(60)
        } _: { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let session = try #require(try await catalog.openSession(stream)).string("session_id")
            func report(_ duration: Double, _ bytes: Int64, _ state: String) async throws {
                _ = try await catalog.asRole(
                    "martlet_origin",
                    "SELECT catalog.v1_report_recording($1, $2, $3, $4, $5::jsonb)",
                    [.text(session), .double(duration), .int(bytes), .text(state), #"[{"codec":"avc1"}]"#]
                )
            }
            try await report(2.5, 1000, "recording")
            try await report(60, 9000, "complete")
            try await report(70, 9999, "recording")
            let list = try await catalog.ask("GET", "/api/v1/recordings?stream=\(stream)&state=complete")
            let recording = try #require(try list.decoded(ListShape<RecordingShape>.self).items.first)
            #expect(recording.duration == 60 && recording.bytes == 9000 && recording.sessionId == session)
            #expect(recording.fileUrl == "http://site/live/\(stream)/\(session)/file.mp4")
            #expect(recording.watchUrl == "http://site/watch/main?session=\(session)")
            #expect(list.text.contains(#""tracks":[{"codec":"avc1"}]"#))
            #expect(try await state(catalog, "main").recordings.map(\.id) == [recording.id])

            let path = "/api/v1/recordings/\(recording.id)"
            let renamed = try await catalog.ask("PATCH", path, #"{"title":"Finals"}"#)
            #expect(try renamed.decoded(RecordingShape.self).title == "Finals")
            #expect(try await catalog.ask("GET", "/vod/recordings/\(recording.id).mp4").status == 302)
            #expect(try await catalog.ask("GET", "/api/files").text.contains("\(recording.id).mp4"))
            #expect(try await catalog.ask("DELETE", path).status == 202)
            #expect(try await catalog.ask("GET", path).status == 404)
            #expect(try await catalog.ask("POST", path + "/restore").status == 200)
        }
    }

    @Test func `gives up for good what was deleted, and says so`() async throws {
        try await CatalogFixture.run {
            $0.undo = .milliseconds(1)
            $0.sweepMargin = .seconds(60)
        } _: { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let session = try #require(try await catalog.openSession(stream)).string("session_id")
            _ = try await catalog.asRole(
                "martlet_origin",
                "SELECT catalog.v1_report_recording('\(session)', 1, 1, 'complete', NULL)"
            )
            _ = try await catalog.asRole("martlet_ingest", "SELECT catalog.v1_end_session('\(session)', 1)")
            _ = try await catalog.ask("DELETE", "/api/v1/streams/\(stream)")
            let purged = "SELECT 1 FROM catalog.v1_recordings WHERE purged AND session_id = '\(session)'"
            try await catalog.eventually { try await !catalog.asRole("martlet_origin", purged).isEmpty }
        }
    }

    @Test func `forgets a recording whose media is gone`() async throws {
        try await CatalogFixture.run {
            $0.sweepMargin = .seconds(60)
        } _: { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let session = try #require(try await catalog.openSession(stream)).string("session_id")
            for call in [
                "v1_report_recording('\(session)', 1, 1, 'complete', NULL)",
                "v1_forget_recording('\(session)')",
            ] {
                _ = try await catalog.asRole("martlet_origin", "SELECT catalog.\(call)")
            }
            let list = try await catalog.ask("GET", "/api/v1/recordings")
            #expect(try list.decoded(ListShape<RecordingShape>.self).items.isEmpty)
        }
    }

    @Test func `shows other services their views and functions, never its tables`() async throws {
        try await CatalogFixture.run { catalog async throws in
            for role in ["martlet_auth", "martlet_ingest", "martlet_origin"] {
                #expect(try await catalog.asRole(role, "SELECT * FROM catalog.v1_streams").isEmpty)
                await #expect(throws: PostgresError.self) {
                    try await catalog.asRole(role, "SELECT * FROM catalog.streams")
                }
                await #expect(throws: PostgresError.self) {
                    try await catalog.asRole(role, "SELECT catalog.end_session('x', 1)")
                }
            }
            await #expect(throws: PostgresError.self) {
                try await catalog.asRole("martlet_origin", "SELECT catalog.v1_end_session('x', 1)")
            }
        }
    }
}
