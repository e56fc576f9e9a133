import HTTPServing
import Postgres

extension HTTPPage {
    /// The comparison and order of `table`'s rows by `column` and ID.
    func comparison(_ table: String, _ column: String) -> (isBehind: String, order: String) {
        let (sign, direction) = isNewestFirst ? ("<", "DESC") : (">", "ASC")
        return (
            "(\(table).\(column), \(table).id) \(sign)",
            "\(table).\(column) \(direction), \(table).id \(direction)"
        )
    }

    /// The time and ID of the last item before, and one more than the limit.
    var values: [PostgresValue] {
        [
            after.map { .date(microseconds: $0.time) } ?? .null, PostgresValue(after?.identifier),
            .int(Int64(limit + 1)),
        ]
    }
}
