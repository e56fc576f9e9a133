import Crypto
import HTTPServing
import Postgres

/// Lets a client ask twice for the same creation and get it once (`Idempotency-Key`).
struct IdempotentCreation: Sendable {
    /// What the first request was answered.
    struct Answer: Sendable {
        var status: Int
        var location: String
        var entityTag: String
        var body: String

        var response: HTTPResponse {
            var response = HTTPResponse.text(body, status: status, contentType: "application/json")
            response.headers["location"] = location
            response.headers["etag"] = entityTag
            return response
        }
    }

    /// The characters of a key.
    private static let keyLengths = 1...200

    let pool: PostgresPool

    /// Forgets answers that clients no longer ask for.
    func forgetOld() async throws {
        _ = try await pool.query(
            "DELETE FROM catalog.idempotency WHERE created_at < now() - interval '1 day'"
        )
    }

    /// Runs `create` in one transaction, unless the request has been answered before.
    ///
    /// - Throws: ``HTTPProblem`` 422 where the key was used for another request.
    func run(
        _ request: HTTPRequest,
        body: [UInt8],
        by subject: String,
        _ create: @Sendable (PostgresConnection) async throws -> Answer
    ) async throws -> HTTPResponse {
        guard let key = request.headers["idempotency-key"] else {
            return try await pool.transaction(create).response
        }
        guard Self.keyLengths.contains(key.utf8.count) else {
            throw HTTPProblem(400, "invalid_idempotency_key", "Idempotency-Key has 1 to 200 characters.")
        }
        let fingerprint = SHA256.digest(of: Array("\(request.method) \(request.path)\n".utf8) + body)
        return try await pool.transaction { connection in
            if let before = try await claim(key, fingerprint, by: subject, on: connection) { return before }
            let answer = try await create(connection)
            try await store(answer, key, by: subject, on: connection)
            return answer
        }.response
    }

    /// Reserves the key; a second request waits here for the end of the first.
    private func claim(
        _ key: String,
        _ fingerprint: [UInt8],
        by subject: String,
        on connection: PostgresConnection
    ) async throws -> Answer? {
        let claimed = try await connection.query(
            """
            INSERT INTO catalog.idempotency (subject, key, fingerprint) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING key
            """,
            [.text(subject), .text(key), .bytes(fingerprint)]
        )
        if !claimed.isEmpty { return nil }
        let row = try await connection.query(
            "SELECT * FROM catalog.idempotency WHERE subject = $1 AND key = $2",
            [.text(subject), .text(key)]
        ).first
        guard let row, try row.bytes("fingerprint") == fingerprint else {
            throw HTTPProblem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to another request; take a new one."
            )
        }
        return Answer(
            status: try row.int("status"),
            location: try row.string("location"),
            entityTag: try row.string("etag"),
            body: try row.string("body")
        )
    }

    private func store(
        _ answer: Answer,
        _ key: String,
        by subject: String,
        on connection: PostgresConnection
    ) async throws {
        _ = try await connection.query(
            """
            UPDATE catalog.idempotency SET status = $3, location = $4, etag = $5, body = $6
            WHERE subject = $1 AND key = $2
            """,
            [
                .text(subject), .text(key), .int(Int64(answer.status)), .text(answer.location),
                .text(answer.entityTag), .text(answer.body),
            ]
        )
    }
}
