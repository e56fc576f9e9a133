import HTTPServing
import Postgres

/// What was recorded of one session.
struct CatalogRecording: Sendable {
    var id: String
    var streamID: String
    var sessionID: String
    var slug: String
    var title: String
    var state: String
    /// Why something of it may be missing.
    var failure: String?
    var duration: Double
    var bytes: Int
    /// JSON as origin reported it.
    var tracks: String
    var version: Int
    var startedAt: Int64
    var endedAt: Int64?

    init(_ row: PostgresRow) throws {
        id = try row.string("id")
        streamID = try row.string("stream_id")
        sessionID = try row.string("session_id")
        slug = try row.string("slug")
        title = try row.string("title")
        state = try row.string("state")
        failure = row["failure"].text
        duration = try row.double("duration")
        bytes = try row.int("bytes")
        tracks = try row.string("tracks")
        version = try row.int("version")
        startedAt = try row.date("started_at")
        endedAt = row["ended_at"].date
    }
}

/// The recordings in PostgreSQL.
struct RecordingStore: Sendable {
    /// What became of a change.
    enum Outcome {
        case done(CatalogRecording)
        case missing
        case changedMeanwhile
    }

    private static let living = """
        SELECT r.id, r.stream_id, r.session_id, s.slug, r.title, r.state, r.failure, r.duration, r.bytes,
            r.tracks, r.version, r.started_at, r.ended_at
        FROM catalog.recordings r JOIN catalog.streams s ON s.id = r.stream_id
        WHERE r.deleted_at IS NULL AND s.deleted_at IS NULL
        """

    let pool: PostgresPool

    /// The recordings that `viewer` may see, of one stream or in one state where that is asked.
    func list(
        _ page: HTTPPage,
        for viewer: Viewer,
        stream: String? = nil,
        state: String? = nil
    ) async throws -> [CatalogRecording] {
        let (isBehind, order) = page.comparison("r", "started_at")
        return try await pool.query(
            """
            \(Self.living) AND ($1::text[] IS NULL OR r.stream_id = ANY ($1::text[]))
                AND ($2::text IS NULL OR r.stream_id = $2::text) AND ($3::text IS NULL OR r.state = $3::text)
                AND ($4::timestamptz IS NULL OR \(isBehind) ($4::timestamptz, $5::text))
            ORDER BY \(order) LIMIT $6
            """,
            [viewer.streamList, PostgresValue(stream), PostgresValue(state)] + page.values
        ).map(CatalogRecording.init)
    }

    /// A recording by its ID.
    func find(_ id: String) async throws -> CatalogRecording? {
        try await pool.withConnection { try await Self.find(id, on: $0) }
    }

    /// Gives a recording another title, if it still has `version` where that is given.
    func rename(_ id: String, to title: String, ifVersion version: Int?) async throws -> Outcome {
        try await pool.transaction { connection in
            let rows = try await connection.query(
                """
                UPDATE catalog.recordings AS r SET title = $3, version = version + 1
                WHERE id = $1 AND deleted_at IS NULL AND ($2::bigint IS NULL OR version = $2::bigint)
                RETURNING catalog.note_recording('recording.updated', r)
                """,
                [.text(id), PostgresValue(version), .text(title)]
            )
            guard let recording = try await Self.find(id, on: connection) else { return .missing }
            return rows.isEmpty ? .changedMeanwhile : .done(recording)
        }
    }

    /// Hides a recording.
    ///
    /// - Returns: whether there was one.
    func delete(_ id: String) async throws -> Bool {
        try await set(
            id,
            """
            UPDATE catalog.recordings AS r SET deleted_at = now()
            WHERE id = $1 AND deleted_at IS NULL RETURNING catalog.note_recording('recording.updated', r)
            """,
            []
        )
    }

    /// Shows again a recording that was deleted at most `undo` ago.
    func restore(_ id: String, within undo: Duration) async throws -> CatalogRecording? {
        _ = try await set(
            id,
            """
            UPDATE catalog.recordings AS r SET deleted_at = NULL
            WHERE id = $1 AND purged_at IS NULL AND deleted_at > now() - $2::double precision * interval '1 s'
            RETURNING catalog.note_recording('recording.updated', r)
            """,
            [.double(undo.inSeconds)]
        )
        return try await find(id)
    }

    /// Gives up for good what was deleted longer ago than `undo`; origin deletes the media.
    func purge(after undo: Duration) async throws {
        try await pool.transaction { connection in
            _ = try await connection.query(
                """
                WITH gone AS (
                    UPDATE catalog.streams SET purged_at = now()
                    WHERE purged_at IS NULL AND deleted_at <= now() - $1::double precision * interval '1 s'
                    RETURNING id
                )
                UPDATE catalog.recordings AS r SET deleted_at = coalesce(deleted_at, to_timestamp(0))
                FROM gone WHERE r.stream_id = gone.id
                """,
                [.double(undo.inSeconds)]
            )
            _ = try await connection.query(
                """
                UPDATE catalog.recordings AS r SET purged_at = now()
                WHERE purged_at IS NULL AND deleted_at <= now() - $1::double precision * interval '1 s'
                RETURNING catalog.note_recording('recording.deleted', r)
                """,
                [.double(undo.inSeconds)]
            )
        }
    }

    private func set(_ id: String, _ sql: String, _ values: [PostgresValue]) async throws -> Bool {
        try await !pool.query(sql, [.text(id)] + values).isEmpty
    }

    private static func find(
        _ id: String,
        on connection: PostgresConnection
    ) async throws -> CatalogRecording? {
        try await connection.query(living + " AND r.id = $1", [.text(id)]).first.map(CatalogRecording.init)
    }
}
