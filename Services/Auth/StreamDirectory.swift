import HTTPServing
import Postgres

/// Which streams there are, by the catalog's view.
struct StreamDirectory: Sendable {
    enum Finding: Sendable, Equatable {
        case known(slug: String)
        case unknown
        /// The catalog has not made its view yet.
        case untold
    }

    /// Undefined table, undefined schema, insufficient privilege.
    private static let missingView: Set<String> = ["42P01", "3F000", "42501"]

    let pool: PostgresPool

    func find(_ stream: String) async throws -> Finding {
        do {
            let rows = try await pool.query(
                "SELECT slug FROM catalog.v1_streams WHERE id = $1",
                [.text(stream)]
            )
            guard let row = rows.first else { return .unknown }
            return .known(slug: try row.string("slug"))
        } catch let error as PostgresError where Self.missingView.contains(error.sqlState ?? "") {
            return .untold
        }
    }

    /// Refuses a stream that the catalog does not know.
    func require(_ stream: String) async throws {
        if case .unknown = try await find(stream) { throw HTTPProblem.notFound }
    }

    /// Revokes the keys and share links of streams that were deleted and cannot be had back.
    ///
    /// - Returns: how many that were.
    func revokePurged() async throws -> Int {
        do {
            return try await pool.query(
                """
                WITH gone AS (SELECT id FROM catalog.v1_purged_streams),
                keys AS (
                    UPDATE auth.stream_keys SET revoked_at = now()
                    WHERE revoked_at IS NULL AND stream_id IN (SELECT id FROM gone) RETURNING id
                ), links AS (
                    UPDATE auth.grants SET revoked_at = now()
                    WHERE revoked_at IS NULL AND stream_id IN (SELECT id FROM gone) RETURNING id
                )
                SELECT id FROM keys UNION ALL SELECT id FROM links
                """,
                []
            ).count
        } catch let error as PostgresError where Self.missingView.contains(error.sqlState ?? "") {
            return 0
        }
    }
}
