import HTTPServing
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import Origin

@Suite(.timeLimit(.minutes(2))) struct HiddenMediaTests {
    private static let paths = [
        "\(LiveRoutesTests.stream)/index.m3u8", "\(LiveRoutesTests.stream)/file.mp4",
        "\(LiveRoutesTests.session)/index.m3u8", "\(LiveRoutesTests.session)/file.mp4",
        "\(LiveRoutesTests.session)/0/dvr.m3u8", "\(LiveRoutesTests.session)/0/0.m4s",
        "\(LiveRoutesTests.session)/0/init-1.mp4", "\(LiveRoutesTests.session)/feed",
    ]

    @Test(arguments: [
        HiddenMedia(streams: [SyntheticStream.streamID]), HiddenMedia(sessions: [SyntheticStream.sessionID]),
    ])
    func `what is deleted answers 404 at every address, and is there again when it is had back`(
        hidden: HiddenMedia
    ) async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        for path in Self.paths { #expect(await fixture.get(path).status < 400, "\(path)") }
        fixture.directory.hide(hidden)
        for path in Self.paths { #expect(await fixture.get(path).status == 404, "\(path)") }
        fixture.directory.hide(HiddenMedia())
        for path in Self.paths { #expect(await fixture.get(path).status < 400, "\(path)") }
    }

    @Test func `the gateway keeps nothing of what has ended`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        for name in ["0.m4s", "init-1.mp4"] {
            #expect(
                await fixture.get("\(LiveRoutesTests.session)/0/\(name)").headers["x-accel-expires"] == "0"
            )
        }
    }

    @Test func `the catalog says what is hidden, and an event makes it known at once`() async throws {
        let logger = Logger(level: .error) { _ in }
        let loop = EventLoop(name: "hidden")
        defer { loop.stop() }
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let address = try PostgresServer.shared().makeDatabase().address()
        let pool = PostgresPool(.init(address: address, applicationName: "test"), on: loop, logger: logger)
        let watch = HiddenMediaWatch(pool: pool, directory: fixture.directory, loop: loop, logger: logger)
        try await running(pool) {
            try await pool.ready()
            try await pool.query("CREATE TABLE catalog.v1_hidden_media (stream_id text, session_id text)")
            try await running(watch) {
                try await pool.query(
                    "INSERT INTO catalog.v1_hidden_media VALUES ($1, $2)",
                    [.text(SyntheticStream.streamID), .text(SyntheticStream.sessionID)]
                )
                watch.heard(eventOf: "recording.updated")
                let path = Self.paths[5]
                try await eventually("it is hidden", within: .seconds(3)) {
                    await fixture.get(path).status == 404
                }
                try await pool.query("DELETE FROM catalog.v1_hidden_media")
                watch.heard(eventOf: "stream.updated")
                try await eventually("it is back", within: .seconds(3)) {
                    await fixture.get(path).status == 200
                }
            }
        }
    }
}
