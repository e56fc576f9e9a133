import HTTPServing
import Postgres

/// A stream: the one link, its current or last session, and what is to be done when somebody publishes.
struct CatalogStream: Sendable {
    var id: String
    var slug: String
    var title: String
    var record: Bool
    var version: Int
    var createdAt: Int64
    var updatedAt: Int64
    var session: CatalogSession?

    /// `offline` until somebody has published, then the state of the newest session.
    var state: String { session?.state ?? "offline" }

    init(_ row: PostgresRow) throws {
        id = try row.string("id")
        slug = try row.string("slug")
        title = try row.string("title")
        record = try row.bool("record")
        version = try row.int("version")
        createdAt = try row.date("created_at")
        updatedAt = try row.date("updated_at")
        session = try row["session_id"].isNull ? nil : CatalogSession(row)
    }
}

/// One stretch of publishing.
struct CatalogSession: Sendable {
    var id: String
    var state: String
    var startedAt: Int64
    var endedAt: Int64?

    init(_ row: PostgresRow) throws {
        id = try row.string("session_id")
        state = try row.string("session_state")
        startedAt = try row.date("session_started_at")
        endedAt = row["session_ended_at"].date
    }
}

/// The streams in PostgreSQL.
struct StreamStore: Sendable {
    /// What a request changes; `nil` leaves things as they are.
    struct Changes: Sendable, Equatable {
        var slug: String?
        var title: String?
        var record: Bool?
    }

    /// What became of a change.
    enum Outcome {
        case done(CatalogStream)
        case missing
        case changedMeanwhile
        case isLive
    }

    private static let columns = """
        s.id, s.slug, s.title, s.record, s.version, s.created_at, s.updated_at, c.id AS session_id,
        c.state AS session_state, c.started_at AS session_started_at, c.ended_at AS session_ended_at
        """
    private static let newestSession = """
        LEFT JOIN LATERAL (
            SELECT * FROM catalog.sessions x WHERE x.stream_id = s.id ORDER BY x.started_at DESC, x.id DESC LIMIT 1
        ) c ON true
        """

    let pool: PostgresPool

    /// The living streams that `viewer` may see.
    func list(
        _ page: HTTPPage,
        for viewer: Viewer,
        state: String?,
        search: String?
    ) async throws -> [CatalogStream] {
        let (isBehind, order) = page.comparison("s", "created_at")
        return try await pool.query(
            """
            SELECT \(Self.columns) FROM catalog.streams s \(Self.newestSession)
            WHERE s.deleted_at IS NULL AND ($1::text[] IS NULL OR s.id = ANY ($1::text[]))
                AND ($2::text IS NULL OR coalesce(c.state, 'offline') = $2::text)
                AND ($3::text IS NULL OR strpos(lower(s.slug || ' ' || s.title), lower($3::text)) > 0)
                AND ($4::timestamptz IS NULL OR \(isBehind) ($4::timestamptz, $5::text))
            ORDER BY \(order) LIMIT $6
            """,
            [viewer.streamList, PostgresValue(state), PostgresValue(search)] + page.values
        ).map(CatalogStream.init)
    }

    /// A living stream by its ID.
    func find(_ id: String) async throws -> CatalogStream? {
        try await pool.withConnection { try await Self.find(id, on: $0) }
    }

    /// A living stream by its slug.
    func find(slug: String) async throws -> CatalogStream? {
        try await pool.query(
            """
            SELECT \(Self.columns) FROM catalog.streams s \(Self.newestSession)
            WHERE s.slug = $1 AND s.deleted_at IS NULL
            """,
            [.text(slug)]
        ).first.map(CatalogStream.init)
    }

    /// A living stream by the public name of one of its keys; `nil` also while auth has not told the names.
    func find(keyName name: String) async throws -> CatalogStream? {
        do {
            return try await pool.query(
                """
                SELECT \(Self.columns) FROM catalog.streams s \(Self.newestSession)
                JOIN auth.v1_stream_key_names k ON k.stream_id = s.id
                WHERE k.name = $1 AND s.deleted_at IS NULL
                """,
                [.text(name)]
            ).first.map(CatalogStream.init)
        } catch let error as PostgresError where ["42P01", "3F000", "42501"].contains(error.sqlState) {
            return nil
        }
    }

    /// Makes a stream.
    ///
    /// - Throws: a ``PostgresError`` that is a duplicate where the slug is taken.
    static func create(
        _ values: Changes,
        by subject: String,
        on connection: PostgresConnection
    ) async throws -> CatalogStream {
        let row = try await connection.query(
            """
            INSERT INTO catalog.streams (slug, title, record, created_by)
            VALUES (coalesce($1, substr(catalog.make_identifier(), 1, 8)), coalesce($2, ''), coalesce($3, true), $4)
            RETURNING id
            """,
            [
                PostgresValue(values.slug), PostgresValue(values.title),
                values.record.map(PostgresValue.bool) ?? .null, .text(subject),
            ]
        ).first
        let id = try row?.string("id") ?? ""
        try await note(id, "stream.updated", on: connection)
        guard let stream = try await find(id, on: connection) else {
            throw PostgresError(.column("id"), "a stream that was just made is not there")
        }
        return stream
    }

    /// Changes a stream, if it still has `version` where that is given.
    func update(_ id: String, _ changes: Changes, ifVersion version: Int?) async throws -> Outcome {
        try await pool.transaction { connection in
            let rows = try await connection.query(
                """
                UPDATE catalog.streams SET slug = coalesce($3, slug), title = coalesce($4, title),
                    record = coalesce($5, record), version = version + 1, updated_at = now()
                WHERE id = $1 AND deleted_at IS NULL AND ($2::bigint IS NULL OR version = $2::bigint)
                RETURNING id
                """,
                [
                    .text(id), PostgresValue(version), PostgresValue(changes.slug),
                    PostgresValue(changes.title),
                    changes.record.map(PostgresValue.bool) ?? .null,
                ]
            )
            if !rows.isEmpty { try await Self.note(id, "stream.updated", on: connection) }
            guard let stream = try await Self.find(id, on: connection) else { return .missing }
            return rows.isEmpty ? .changedMeanwhile : .done(stream)
        }
    }

    /// Hides a stream that nobody publishes to.
    func delete(_ id: String) async throws -> Outcome {
        try await pool.transaction { connection in
            guard let stream = try await Self.find(id, on: connection) else { return .missing }
            guard stream.state != "live", stream.state != "away" else { return .isLive }
            _ = try await connection.query(
                "UPDATE catalog.streams SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL",
                [.text(id)]
            )
            try await Self.note(id, "stream.updated", on: connection)
            return .done(stream)
        }
    }

    /// Shows again a stream that was deleted at most `undo` ago.
    func restore(_ id: String, within undo: Duration) async throws -> CatalogStream? {
        try await pool.transaction { connection in
            _ = try await connection.query(
                """
                UPDATE catalog.streams SET deleted_at = NULL
                WHERE id = $1 AND purged_at IS NULL AND deleted_at > now() - $2::double precision * interval '1 s'
                """,
                [.text(id), .double(undo.inSeconds)]
            )
            try await Self.note(id, "stream.updated", on: connection)
            return try await Self.find(id, on: connection)
        }
    }

    private static func find(_ id: String, on connection: PostgresConnection) async throws -> CatalogStream? {
        try await connection.query(
            """
            SELECT \(columns) FROM catalog.streams s \(newestSession) WHERE s.id = $1 AND s.deleted_at IS NULL
            """,
            [.text(id)]
        ).first.map(CatalogStream.init)
    }

    private static func note(_ id: String, _ type: String, on connection: PostgresConnection) async throws {
        _ = try await connection.query(
            """
            INSERT INTO catalog.outbox (type, subject, data)
            SELECT $2, id, jsonb_build_object(
                'streamId', id, 'slug', slug, 'title', title, 'record', record, 'deleted', deleted_at IS NOT NULL
            ) FROM catalog.streams WHERE id = $1
            """,
            [.text(id), .text(type)]
        )
    }
}

extension Viewer {
    /// The IDs of the streams that may be seen, or NULL for all.
    var streamList: PostgresValue {
        switch streams {
        case .all: .null
        case .some(let streams): .texts(streams.sorted())
        }
    }
}

extension Duration {
    /// The length in seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
