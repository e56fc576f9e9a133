import Lifecycle
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import Origin

@Suite(.timeLimit(.minutes(2))) struct UnreportedRecordingsTests {
    @Test(arguments: ["", "recording", "complete"])
    func `what an earlier process finished is reported, unless the catalog knows`(state: String) async throws
    {
        let logger = Logger(level: .error) { _ in }
        let loop = EventLoop(name: "unreported")
        defer { loop.stop() }
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let address = try PostgresServer.shared().makeDatabase().address()
        let pool = PostgresPool(.init(address: address, applicationName: "test"), on: loop, logger: logger)
        let reporter = RecordingReporter(pool: pool, loop: loop, logger: logger)
        let successor = try OriginFixture(folder: fixture.folder)
        let unreported = UnreportedRecordings(
            pool: pool,
            volume: successor.volume,
            directory: successor.directory,
            reporter: reporter,
            loop: loop,
            logger: logger
        )
        try await running(pool) {
            try await pool.ready()
            try await pool.withConnection { try await $0.script(Self.catalog) }
            if !state.isEmpty {
                try await pool.query(
                    "INSERT INTO catalog.v1_recordings VALUES ($1, $2)",
                    [.text(SyntheticStream.sessionID), .text(state)]
                )
            }
            try await unreported.look()
            try await running(reporter) {}
            let rows = try await pool.query("SELECT session, duration, state FROM catalog.reports")
            #expect(rows.count == (state == "complete" ? 0 : 1))
            if let row = rows.first {
                #expect(try row.string("session") == SyntheticStream.sessionID)
                #expect(try row.string("state") == "complete")
                #expect(try row.double("duration") > 2.5)
            }
        }
    }

    private static let catalog = """
        CREATE TABLE catalog.v1_recordings (session_id text, state text);
        CREATE TABLE catalog.reports (session text, duration double precision, state text);
        CREATE FUNCTION catalog.v1_report_recording(text, double precision, bigint, text, jsonb, text) RETURNS text
        LANGUAGE sql AS $$ INSERT INTO catalog.reports VALUES ($1, $2, $4) RETURNING session $$;
        """
}
