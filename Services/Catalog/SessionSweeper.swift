import Contracts
import Postgres
import Redis
import Telemetry

/// Ends sessions whose ingest has died without ending them.
///
/// Every writer raises its stream's score in `live` each second. Whether a score has changed is what counts,
/// by this process's own clock: no two machines' clocks are compared, and after an outage of Redis every
/// session gets its whole time again.
struct SessionSweeper: Sendable {
    /// What is known of the heartbeats, kept by whoever sweeps.
    struct Memory: Sendable {
        fileprivate var seen: [String: (score: String?, at: ContinuousClock.Instant)] = [:]
    }

    private struct OpenSession: Sendable {
        var id: String
        var stream: String
        var epoch: Int
        var grace: Int

        init(_ row: PostgresRow) throws {
            id = try row.string("id")
            stream = try row.string("stream_id")
            epoch = try row.int("epoch")
            grace = try row.int("grace")
        }
    }

    let pool: PostgresPool
    let bus: RedisClient
    let margin: Duration
    let ended: Counter

    /// Looks at every open session once.
    ///
    /// - Throws: where PostgreSQL or the bus is away; then nothing is known, and `memory` is emptied.
    func sweep(_ memory: inout Memory, at now: ContinuousClock.Instant) async throws {
        do {
            let sessions = try await pool.query(
                "SELECT id, stream_id, epoch, grace FROM catalog.sessions WHERE state <> 'ended'"
            ).map(OpenSession.init)
            let scores = try await scores(of: sessions.map(\.stream))
            for session in try note(sessions, scores, in: &memory, at: now) {
                _ = try await pool.query(
                    "SELECT catalog.end_session($1, $2)",
                    [.text(session.id), .int(Int64(session.epoch))]
                )
                ended.increment()
            }
        } catch {
            memory = Memory()
            throw error
        }
    }

    /// - Returns: the sessions that have given no sign of life for too long.
    private func note(
        _ sessions: [OpenSession],
        _ scores: [String?],
        in memory: inout Memory,
        at now: ContinuousClock.Instant
    ) throws -> [OpenSession] {
        var seen: [String: (score: String?, at: ContinuousClock.Instant)] = [:]
        var silent: [OpenSession] = []
        for (session, score) in zip(sessions, scores) {
            let key = "\(session.id) \(session.epoch)"
            let before = memory.seen[key]
            let isAlive = before == nil || (score != nil && score != before?.score)
            let since = isAlive ? now : before?.at ?? now
            seen[key] = (score, since)
            if now - since > .seconds(session.grace) + margin { silent.append(session) }
        }
        memory.seen = seen
        return silent
    }

    private func scores(of streams: [String]) async throws -> [String?] {
        guard !streams.isEmpty else { return [] }
        let arguments: [any RedisArgument] = ["ZMSCORE", BusKeys.live] + streams
        let reply = try await bus.command(RedisCommand(arguments: arguments))
        return reply.array?.map(\.string) ?? Array(repeating: nil, count: streams.count)
    }
}
