import HTTPServing
import Postgres

extension HTTPPage {
    /// The condition on `table`, with the numbers of two parameters; the limit is the third.
    func condition(_ table: String, _ createdAt: Int, _ identifier: Int) -> String {
        """
        ($\(createdAt)::timestamptz IS NULL OR (\(table).created_at, \(table).id) < ($\(createdAt), $\(identifier)::text))
        """
    }

    /// The parameters of ``condition(_:_:_:)`` and the limit.
    var values: [PostgresValue] {
        [
            after.map { .date(microseconds: $0.time) } ?? .null, PostgresValue(after?.identifier),
            .int(Int64(limit + 1)),
        ]
    }
}
