import HTTPServing
import Lifecycle
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import Origin

@Suite(.timeLimit(.minutes(2))) struct PurgeServiceTests {
    @Test func `deletes the media of recordings that can no longer be had back, and no other`() async throws {
        let logger = Logger(level: .error) { _ in }
        let loop = EventLoop(name: "purge")
        defer { loop.stop() }
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let address = try PostgresServer.shared().makeDatabase().address()
        let pool = PostgresPool(.init(address: address, applicationName: "test"), on: loop, logger: logger)
        let purge = PurgeService(
            pool: pool,
            volume: fixture.volume,
            directory: fixture.directory,
            loop: loop,
            logger: logger
        )
        try await running(pool) {
            try await pool.ready()
            try await pool.query(
                "CREATE TABLE catalog.v1_recordings (stream_id text, session_id text, purged_at timestamptz)"
            )
            try await pool.query(
                "INSERT INTO catalog.v1_recordings VALUES ($1, $2, NULL), ('../../etc', 'x', now())",
                [.text(SyntheticStream.streamID), .text(SyntheticStream.sessionID)]
            )
            let path = "\(LiveRoutesTests.session)/0/0.m4s"
            try await purge.purge()
            await fixture.volume.drained()
            #expect(await fixture.get(path).status == 200)
            try await pool.query("UPDATE catalog.v1_recordings SET purged_at = now()")
            try await purge.purge()
            await fixture.volume.drained()
            #expect(await fixture.get(path).status == 404)
        }
    }
}
