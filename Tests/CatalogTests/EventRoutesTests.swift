import HTTPServing
import Reactor
import Redis
import Synchronization
import TestSupport
import Testing

@testable import Catalog

@Suite(.timeLimit(.minutes(1))) struct EventRoutesTests {
    /// Listens until the text heard holds `needle`, and returns all of it.
    private func listen(
        _ catalog: CatalogFixture,
        _ target: String = "/api/v1/events",
        as role: String = "admin",
        streams: String = "*",
        headers: HTTPFields = [:],
        until needle: String,
        _ cause: () async throws -> Void = {}
    ) async throws -> String {
        let answer = try await catalog.ask("GET", target, as: role, streams: streams, headers: headers)
        guard case .stream(let write) = answer.content else { return answer.text }
        let (pieces, piece) = AsyncStream.makeStream(of: String.self)
        let writing = Task {
            try await write(
                HTTPBodyWriter { written in
                    for case .bytes(let bytes) in written {
                        piece.yield(String(decoding: bytes, as: UTF8.self))
                    }
                }
            )
        }
        defer { writing.cancel() }
        var heard = ""
        var iterator = pieces.makeAsyncIterator()
        heard += await iterator.next() ?? ""
        try await cause()
        while !heard.contains(needle), let more = await iterator.next() { heard += more }
        return heard
    }

    @Test func `tells of a session as it happens, to those who may see its stream`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let mine = try await catalog.makeStream("mine")
            let other = try await catalog.makeStream("other")
            try await catalog.eventually { catalog.service.feed.position?.milliseconds ?? 0 > 0 }
            let heard = try await listen(
                catalog,
                as: "viewer",
                streams: mine,
                until: "event: stream.live"
            ) {
                _ = try await catalog.openSession(other)
                _ = try await catalog.openSession(mine)
            }
            #expect(heard.contains("\"streamId\": \"\(mine)\"") && !heard.contains(other))
            #expect(heard.contains("\nid: ") && heard.hasPrefix("retry: 2000\nid: "))
        }
    }

    @Test func `goes on after the last event that a client has heard`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let stream = try await catalog.makeStream("main")
            let entry = try await nextEntry(catalog, after: "0")
            _ = try await catalog.openSession(stream)
            let heard = try await listen(
                catalog,
                headers: ["last-event-id": entry],
                until: "event: stream.live"
            )
            #expect(!heard.contains("event: stream.updated") && !heard.contains("event: reset"))
        }
    }

    private func nextEntry(_ catalog: CatalogFixture, after position: String) async throws -> String {
        var id: String?
        try await catalog.eventually {
            let reply = try await catalog.bus.command("XRANGE", "events", "(\(position)", "+", "COUNT", "1")
            id = reply.array?.first?.array?.first?.string
            return id != nil
        }
        return id ?? ""
    }

    @Test(arguments: ["nonsense", "1-1", "99999999999999-0"])
    func `tells a client that was away too long to read everything again`(position: String) async throws {
        try await CatalogFixture.run { catalog async throws in
            _ = try await catalog.makeStream("main")
            _ = try await nextEntry(catalog, after: "0")
            let heard = try await listen(catalog, headers: ["last-event-id": position], until: "event: reset")
            #expect(heard.contains("event: reset\ndata: {}\n\n"))
        }
    }

    @Test func `ends when the listener's grant is revoked`() async throws {
        try await CatalogFixture.run { catalog async throws in
            try await catalog.eventually { catalog.service.feed.position != nil }
            let heard = try await listen(catalog, as: "viewer", streams: "none", until: "grant.revoked") {
                for grant in ["grant-2", "grant-1"] {
                    _ = try await catalog.bus.command(
                        "XADD",
                        "events",
                        "*",
                        "id",
                        "auth-1",
                        "type",
                        "grant.revoked",
                        "subject",
                        grant,
                        "data",
                        #"{"grant": "\#(grant)"}"#,
                        "time",
                        "now"
                    )
                }
            }
            #expect(heard.contains("grant-1") && !heard.contains("grant-2"))
        }
    }

    @Test func `tells members what was measured, once and without a position to go on from`() async throws {
        try await CatalogFixture.run { catalog async throws in
            let stream = try await catalog.makeStream("main")
            try await catalog.eventually { catalog.service.feed.position?.milliseconds ?? 0 > 0 }
            func measure(_ catalog: CatalogFixture) async throws {
                let data = #"{"streamId": "\#(stream)", "viewers": 7}"#
                let fields = ["id", "sfu-1", "type", "viewers.measured", "subject", stream, "data", data]
                _ = try await catalog.bus.command(
                    RedisCommand(arguments: ["XADD", "events:measured", "*"] + fields)
                )
            }
            let heard = try await listen(catalog, as: "member", until: "viewers.measured") {
                try await measure(catalog)
            }
            #expect(heard.contains("\nevent: viewers.measured\n") && heard.contains(#""viewers": 7"#))
            #expect(
                !heard.contains("id: sfu")
                    && heard.split(separator: "\n").filter { $0.hasPrefix("id: ") }.count == 1
            )
            let guest = try await listen(catalog, as: "viewer", streams: stream, until: "stream.live") {
                try await measure(catalog)
                _ = try await catalog.openSession(stream)
            }
            #expect(!guest.contains("viewers.measured"))
        }
    }

    @Test func `relays what waited while Redis was away`() async throws {
        try await CatalogFixture.run { catalog async throws in
            catalog.redis.kill()
            _ = try await catalog.makeStream("patient")
            try catalog.redis.start()
            let entry = try await nextEntry(catalog, after: "0")
            #expect(!entry.isEmpty)
        }
    }
}
