import Bytes
import HTTPServing

/// The part of a list that a request asks for by `?limit=&cursor=&sort=`, in the order of a point in time.
struct Page: Sendable, Equatable {
    /// The last item of the page before: its time in microseconds and its ID.
    struct Position: Sendable, Equatable {
        var time: Int64
        var identifier: String

        var cursor: String { Base64.encodeURLSafe(Array("\(time) \(identifier)".utf8)) }

        init(time: Int64, identifier: String) {
            self.time = time
            self.identifier = identifier
        }

        init?(cursor: String) {
            guard cursor.utf8.count <= 128, let bytes = Base64.decode(cursor),
                let text = String(validating: bytes, as: UTF8.self)
            else { return nil }
            let parts = text.split(separator: " ")
            guard parts.count == 2, let time = Int64(parts[0]), Identifier.isValid(String(parts[1]))
            else { return nil }
            self.init(time: time, identifier: String(parts[1]))
        }
    }

    static let limits = 1...1000
    static let defaultLimit = 100

    var limit: Int
    var after: Position?
    var isNewestFirst: Bool

    /// The first page of the newest.
    init(limit: Int) {
        self.limit = limit
        isNewestFirst = true
    }

    /// Reads the parameters; `field` is what `sort` may name, with a minus for the newest first.
    init(_ request: HTTPRequest, sortedBy field: String) throws(HTTPProblem) {
        limit = Self.defaultLimit
        if let text = request.query("limit") {
            guard let number = Int(text), Self.limits.contains(number) else {
                throw HTTPProblem(400, "invalid_limit", "limit is a number from 1 to 1000.")
            }
            limit = number
        }
        if let text = request.query("cursor") {
            guard let position = Position(cursor: text) else {
                throw HTTPProblem(400, "invalid_cursor", "cursor is not one that a list has given.")
            }
            after = position
        }
        switch request.query("sort") ?? "-" + field {
        case field: isNewestFirst = false
        case "-" + field: isNewestFirst = true
        default: throw HTTPProblem(400, "invalid_sort", "sort is \(field) or -\(field).")
        }
    }

    /// Splits what was read, one item more than the page has, into the page and the next cursor.
    func cut<Item>(_ items: [Item], _ position: (Item) -> Position) -> (items: [Item], next: Nullable<String>)
    {
        let page = Array(items.prefix(limit))
        let isLast = items.count <= limit
        return (page, Nullable(isLast ? nil : page.last.map { position($0).cursor }))
    }

    /// The comparison and order of `table`'s rows by `column` and ID.
    func comparison(_ table: String, _ column: String) -> (isBehind: String, order: String) {
        let (sign, direction) = isNewestFirst ? ("<", "DESC") : (">", "ASC")
        return (
            "(\(table).\(column), \(table).id) \(sign)",
            "\(table).\(column) \(direction), \(table).id \(direction)"
        )
    }
}

/// The IDs of streams, sessions and recordings.
enum Identifier {
    /// Whether `text` is 128 bits in lower-case base32; everything else must not reach a key or a path.
    static func isValid(_ text: String) -> Bool {
        text.utf8.count == 26
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) }
    }
}
