import Crypto
import Postgres
import Telemetry

/// Asks the auth and catalog schemas, through their versioned views and functions.
struct PostgresAuthority: PublishAuthority {
    let pool: PostgresPool
    let logger: Logger

    /// Whether auth and catalog have made what publishing needs.
    func isComplete() async -> Bool {
        let rows = try? await pool.query(
            """
            SELECT to_regclass('auth.v1_stream_keys') IS NOT NULL
                AND to_regprocedure('catalog.v1_open_session(text, text, text, text, integer)') IS NOT NULL
                AS is_complete
            """
        )
        return rows?.first?["is_complete"].bool ?? false
    }

    func accept(_ key: StreamKey) async throws(PublishRefusal) -> AcceptedKey {
        guard !key.candidates.isEmpty else { throw .wrongKey }
        var hasRevoked = false
        for candidate in key.candidates {
            let hash = SHA256.digest(of: candidate.secret)
            for row in try await rows(named: candidate.name) {
                guard let stored = row["secret_hash"].bytes, ConstantTime.equal(stored, hash) else {
                    continue
                }
                guard row["revoked"].bool == false else {
                    hasRevoked = true
                    continue
                }
                guard let keyID = row["key_id"].text, let streamID = row["stream_id"].text else { continue }
                return AcceptedKey(keyID: keyID, keyName: candidate.name, streamID: streamID)
            }
        }
        throw hasRevoked ? .revokedKey : .wrongKey
    }

    func openSession(
        of streamID: String,
        for identity: PublisherIdentity,
        graceSeconds: Int
    ) async throws(PublishRefusal) -> OpenedSession {
        let rows = try await query(
            "SELECT * FROM catalog.v1_open_session($1, $2, $3, $4, $5)",
            [
                .text(streamID), .text(identity.transport), .text(identity.encoder), .text(identity.address),
                .int(Int64(graceSeconds)),
            ]
        )
        // The stream of the key has been deleted.
        if rows.isEmpty { throw .wrongKey }
        guard let row = rows.first, let sessionID = row["session_id"].text, let epoch = row["epoch"].int,
            let started = row["started_at"].date
        else {
            logger.log(.error, "the catalog opened no session", [.stream: streamID])
            throw .unavailable
        }
        return OpenedSession(
            sessionID: sessionID,
            epoch: UInt64(clamping: epoch),
            slug: row["slug"].text ?? streamID,
            title: row["title"].text ?? "",
            startedAt: Timestamp.rfc3339(microseconds: started),
            isResumed: row["resumed"].bool ?? false,
            isRecorded: row["record"].bool ?? true
        )
    }

    func setState(_ state: SessionState, of session: String, epoch: UInt64) async throws {
        try await pool.query(
            "SELECT catalog.v1_set_session_state($1, $2, $3)",
            [.text(session), .int(Int64(clamping: epoch)), .text(state.rawValue)]
        )
    }

    func endSession(_ session: String, epoch: UInt64) async throws {
        try await pool.query(
            "SELECT catalog.v1_end_session($1, $2)",
            [.text(session), .int(Int64(clamping: epoch))]
        )
    }

    func noteTracks(_ json: String, of session: String, epoch: UInt64) async throws {
        try await pool.query(
            "SELECT catalog.v1_note_tracks($1, $2, $3::jsonb)",
            [.text(session), .int(Int64(clamping: epoch)), .text(json)]
        )
    }

    func revoked(among keyIDs: [String]) async throws -> Set<String> {
        let list = "{" + keyIDs.joined(separator: ",") + "}"
        let rows = try await pool.query(
            "SELECT key_id FROM auth.v1_stream_keys WHERE key_id = ANY ($1::text[]) AND NOT revoked",
            [.text(list)]
        )
        return Set(keyIDs).subtracting(rows.compactMap { $0["key_id"].text })
    }

    private func rows(named name: String) async throws(PublishRefusal) -> [PostgresRow] {
        try await query(
            "SELECT key_id, stream_id, secret_hash, revoked FROM auth.v1_stream_keys WHERE name = $1",
            [.text(name)]
        )
    }

    private func query(
        _ sql: String,
        _ parameters: [PostgresValue]
    ) async throws(PublishRefusal) -> [PostgresRow] {
        do {
            // An encoder would give up at a refusal.
            return try await pool.patiently(for: Admission.patience) {
                try await pool.query(sql, parameters)
            }
        } catch {
            logger.log(.warning, "PostgreSQL could not be asked about a publisher", [.error: "\(error)"])
            throw .unavailable
        }
    }
}
