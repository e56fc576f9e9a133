import Bytes

/// The part of a list that a request asks for by `?limit=&cursor=&sort=`, in the order of a point in time.
public struct HTTPPage: Sendable, Equatable {
    /// The last item of the page before, which a cursor names.
    public struct Position: Sendable, Equatable {
        /// The item's time, in microseconds since 1970.
        public var time: Int64
        /// Its ID, which orders items of the same time.
        public var identifier: String

        private static let cursorLimit = 128

        /// Creates the position of an item.
        public init(time: Int64, identifier: String) {
            self.time = time
            self.identifier = identifier
        }

        /// Reads a cursor, or gives `nil` for what is none.
        ///
        /// The ID is letters and digits, of whatever meaning.
        init?(cursor: String) {
            guard cursor.utf8.count <= Self.cursorLimit, let bytes = Base64.decode(cursor),
                let text = String(validating: bytes, as: UTF8.self)
            else { return nil }
            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2, let time = Int64(parts[0]), !parts[1].isEmpty,
                parts[1].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
            else { return nil }
            self.init(time: time, identifier: String(parts[1]))
        }

        /// The text that asks for what comes after the item.
        var cursor: String { Base64.encodeURLSafe(Array("\(time) \(identifier)".utf8)) }
    }

    /// How many items one may ask for at once.
    public static let limits = 1...1000
    private static let defaultLimit = 100

    /// The most items that the page has.
    public var limit: Int
    /// What the page comes after; `nil` for the first one.
    public var after: Position?
    /// Whether the list begins with the newest item.
    public var isNewestFirst = true

    /// The first page of the newest.
    public init(limit: Int) { self.limit = limit }

    /// Reads the parameters of a request.
    ///
    /// - Parameter field: What `sort` may name, with a minus for the newest first; without one it is overlooked.
    /// - Throws: 400 `invalid_limit`, `invalid_cursor` or `invalid_sort`.
    public init(_ request: HTTPRequest, sortedBy field: String? = nil) throws(HTTPProblem) {
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
        guard let field else { return }
        switch request.query("sort") ?? "-" + field {
        case field: isNewestFirst = false
        case "-" + field: isNewestFirst = true
        default: throw HTTPProblem(400, "invalid_sort", "sort is \(field) or -\(field).")
        }
    }

    /// Cuts what was read, one item more than the page has where there are more, to the page and the next cursor.
    public func cut<Item>(_ items: [Item], _ position: (Item) -> Position) -> HTTPList<Item> {
        guard items.count > limit else { return HTTPList(items: items, next: nil) }
        let page = Array(items.prefix(limit))
        return HTTPList(items: page, next: page.last.map { position($0).cursor })
    }
}

/// One page of a list; at the end of the list `next` is `null`.
public struct HTTPList<Item> {
    /// What the page has.
    public var items: [Item]
    /// The cursor of the next page.
    public var next: String?

    /// The same page of what `transform` makes of each item.
    public func map<Other>(_ transform: (Item) throws -> Other) rethrows -> HTTPList<Other> {
        HTTPList<Other>(items: try items.map(transform), next: next)
    }
}

extension HTTPList: Sendable where Item: Sendable {}

extension HTTPList: Encodable where Item: Encodable {
    private enum CodingKeys: String, CodingKey {
        case items, next
    }

    /// Writes both members, `next` also where it is `null`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(items, forKey: .items)
        try container.encode(next, forKey: .next)
    }
}
