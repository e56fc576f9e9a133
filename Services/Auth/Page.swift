import Bytes
import HTTPServing
import Postgres

/// The part of a list that a request asks for by `?limit=&cursor=`, newest first.
struct Page: Sendable, Equatable {
    static let limits = 1...1000
    static let defaultLimit = 100

    var limit: Int
    /// The last item of the page before: when it was created, in microseconds, and its ID.
    var after: Position?

    struct Position: Sendable, Equatable {
        var createdAt: Int64
        var identifier: String

        var cursor: String { Base64.encodeURLSafe(Array("\(createdAt) \(identifier)".utf8)) }
    }

    init(limit: Int = defaultLimit, after: Position? = nil) {
        self.limit = limit
        self.after = after
    }

    init(_ request: HTTPRequest) throws(HTTPProblem) {
        limit = Self.defaultLimit
        if let text = request.query("limit") {
            guard let number = Int(text), Self.limits.contains(number) else {
                throw HTTPProblem(400, "invalid_limit", "limit is a number from 1 to 1000.")
            }
            limit = number
        }
        if let text = request.query("cursor") {
            guard let position = Self.position(text) else {
                throw HTTPProblem(400, "invalid_cursor", "cursor is not one that a list has given.")
            }
            after = position
        }
    }

    /// Splits what was read, one item more than the page has, into the page and the next cursor.
    func cut<Item>(_ items: [Item], _ position: (Item) -> Position) -> (items: [Item], next: String?) {
        guard items.count > limit else { return (items, nil) }
        let page = Array(items.prefix(limit))
        return (page, page.last.map { position($0).cursor })
    }

    /// The condition on `table`, with the numbers of two parameters; the limit is the third.
    func condition(_ table: String, _ createdAt: Int, _ identifier: Int) -> String {
        """
        ($\(createdAt)::timestamptz IS NULL OR (\(table).created_at, \(table).id) < ($\(createdAt), $\(identifier)::text))
        """
    }

    /// The parameters of ``condition(_:_:_:)`` and the limit.
    var values: [PostgresValue] {
        [
            after.map { .date(microseconds: $0.createdAt) } ?? .null, PostgresValue(after?.identifier),
            .int(Int64(limit + 1)),
        ]
    }

    private static func position(_ cursor: String) -> Position? {
        guard cursor.utf8.count <= 128, let bytes = Base64.decode(cursor) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else { return nil }
        let parts = text.split(separator: " ")
        guard parts.count == 2, let createdAt = Int64(parts[0]) else { return nil }
        return Position(createdAt: createdAt, identifier: String(parts[1]))
    }
}
