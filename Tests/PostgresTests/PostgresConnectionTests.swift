import Postgres
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct PostgresConnectionTests {
    private let loop = EventLoop(name: "postgres")
    private let configuration: PostgresConfiguration

    init() throws {
        let address = try PostgresServer.shared().makeDatabase().address()
        configuration = PostgresConfiguration(address: address, applicationName: "tests")
    }

    @Test func `every kind of value goes there and comes back`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        let rows = try await connection.query(
            """
            SELECT $1::text AS text, $2::bigint AS number, $3::boolean AS flag, $4::bytea AS bytes,
                $5::double precision AS fraction, $6::timestamptz AS moment, $7::text AS nothing,
                array_to_string($8::text[], '|') AS list
            """,
            [
                "héllo '\"\\ 🐦", .int(.min), true, .bytes([0, 1, 255]), 0.1,
                .date(microseconds: 1_709_211_909_000_250),
                nil, .texts(["a,b", "\"q\"", "\\", ""]),
            ]
        )
        let row = try #require(rows.first)
        #expect(try row.string("text") == "héllo '\"\\ 🐦")
        #expect(try row.int("number") == .min)
        #expect(try row.bool("flag"))
        #expect(try row.bytes("bytes") == [0, 1, 255])
        #expect(try row.double("fraction") == 0.1)
        #expect(try row.date("moment") == 1_709_211_909_000_250)
        #expect(row["nothing"].isNull)
        #expect(try row.string("list") == "a,b|\"q\"|\\|")
        #expect(throws: PostgresError.self) { try row.string("nothing") }
        #expect(throws: PostgresError.self) { try row.int("missing") }
        await connection.close()
    }

    @Test(arguments: ["0001-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00", "2024-02-29 00:00:00.5+00"])
    func `dates agree with the server's own count`(text: String) async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        let rows = try await connection.query(
            """
            SELECT $1::timestamptz AS moment, (extract(epoch FROM $1::timestamptz) * 1000000)::bigint AS count
            """,
            [.text(text)]
        )
        let moment = try #require(rows.first).date("moment")
        #expect(try #require(rows.first).int("count") == Int(moment))
        let back = try await connection.query(
            "SELECT $1::timestamptz = $2::timestamptz AS same",
            [.text(text), .date(microseconds: moment)]
        )
        #expect(try #require(back.first).bool("same"))
        await connection.close()
    }

    @Test func `a refused query tells its SQLSTATE and leaves the connection usable`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        await #expect { try await connection.query("SELECT 1/0") } throws: { error in
            (error as? PostgresError)?.sqlState == "22012"
        }
        await #expect { try await connection.query("SELEKT") } throws: { error in
            (error as? PostgresError)?.sqlState == "42601"
        }
        #expect(try await connection.query("SELECT 1 AS one").first?.int("one") == 1)
        await connection.close()
    }

    @Test func `a text with a zero byte is refused, not cut short`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        await #expect { try await connection.query("SELECT $1::text", ["a\0b"]) } throws: { error in
            (error as? PostgresError)?.code == .parameter
        }
        await connection.close()
    }

    @Test func `queries asked at once are answered in order`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        try await withThrowingTaskGroup { group in
            for number in 0..<400 {
                group.addTask {
                    // More texts than a connection keeps prepared.
                    let rows = try await connection.query("SELECT $1::int + \(number) AS sum", [.int(1)])
                    #expect(try #require(rows.first).int("sum") == number + 1)
                }
            }
            try await group.waitForAll()
        }
        await connection.close()
    }

    @Test func `a query past its deadline fails and is cancelled on the server`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        let observer = try await PostgresConnection.open(configuration, on: loop)
        await #expect {
            try await connection.query("SELECT pg_sleep(600)", within: .milliseconds(100))
        } throws: {
            ($0 as? PostgresError)?.code == .timedOut
        }
        await connection.closed()
        var isRunning = true
        while isRunning {
            let rows = try await observer.query(
                """
                SELECT count(*) AS count FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND state = 'active'
                    AND pid <> pg_backend_pid()
                """
            )
            isRunning = try #require(rows.first).int("count") > 0
        }
        await observer.close()
    }

    @Test func `a large result and a large parameter pass`() async throws {
        let connection = try await PostgresConnection.open(configuration, on: loop)
        let text = String(repeating: "x", count: 2_000_000)
        let rows = try await connection.query("SELECT $1 || 'y' AS text", [.text(text)], within: .seconds(60))
        #expect(try #require(rows.first).string("text").utf8.count == 2_000_001)
        await connection.close()
    }

    @Test(arguments: ["host=/nowhere dbname=x", "host=127.0.0.1 port=1 dbname=x", "postgres://%zz", ""])
    func `an address that leads nowhere fails at once`(address: String) async {
        let configuration = PostgresConfiguration(address: address, applicationName: "tests")
        await #expect(throws: PostgresError.self) {
            try await PostgresConnection.open(configuration, on: loop)
        }
    }
}
