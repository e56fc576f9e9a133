public import Sockets

/// The header or trailer fields of a message, in the order they came.
public struct HTTPFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    private var fields: [(name: String, value: String)] = []

    /// Creates no fields.
    public init() {}

    /// Creates fields from names, in any case, and values.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// The first value of a field, by its name in any case; setting replaces every value.
    public subscript(name: String) -> String? {
        get {
            let name = Self.lowercase(name)
            return fields.first { $0.name == name }?.value
        }
        set {
            let name = Self.lowercase(name)
            fields.removeAll { $0.name == name }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    /// Every value of a field, in order.
    public func values(of name: String) -> [String] {
        let name = Self.lowercase(name)
        return fields.filter { $0.name == name }.map(\.value)
    }

    /// Adds a value; names are kept in lower case.
    public mutating func append(_ name: String, _ value: String) {
        fields.append((Self.lowercase(name), value))
    }

    /// Most names that are asked for are in lower case already, and need no copy.
    private static func lowercase(_ name: String) -> String {
        name.utf8.contains { (0x41...0x5a).contains($0) } ? name.lowercased() : name
    }

    /// The number of fields.
    public var count: Int { fields.count }

    /// Whether two messages carry the same fields in the same order.
    public static func == (lhs: HTTPFields, rhs: HTTPFields) -> Bool {
        lhs.fields.elementsEqual(rhs.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    /// Calls `body` for each field in order.
    public func forEach(_ body: (_ name: String, _ value: String) -> Void) {
        for field in fields { body(field.name, field.value) }
    }
}

/// One request, after its header section has arrived; the body may still be on its way.
public struct HTTPRequest: Sendable {
    /// The method in capitals, like `GET`.
    public var method: String
    /// The path as sent, still percent-encoded, without the query.
    public var path: String
    /// The decoded `name=value` pairs of the query, in order.
    public var query: [(name: String, value: String)]
    /// The header fields.
    public var headers: HTTPFields
    /// The values that the route's pattern captured, decoded.
    public var parameters: [String: String] = [:]
    /// The body, read at the handler's pace.
    public var body: HTTPRequestBody
    /// Who is connected, which may be a proxy.
    public var peer: PeerAddress

    /// Creates a request.
    public init(
        method: String,
        path: String,
        query: [(name: String, value: String)] = [],
        headers: HTTPFields = [:],
        body: HTTPRequestBody,
        peer: PeerAddress
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
    }

    /// The first value of a query parameter.
    public func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The value of a cookie.
    public func cookie(_ name: String) -> String? {
        for header in headers.values(of: "cookie") {
            for pair in header.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                guard let separator = trimmed.firstIndex(of: "=") else { continue }
                if trimmed[..<separator] == name {
                    return String(trimmed[trimmed.index(after: separator)...])
                }
            }
        }
        return nil
    }
}
