import Glibc

/// Where a Redis is and how to log in, from a URL.
public struct RedisAddress: Sendable, Equatable, CustomStringConvertible {
    /// The ways to reach it.
    public enum Endpoint: Sendable, Equatable {
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    /// The way to reach it.
    public var endpoint: Endpoint
    /// The user of AUTH; `nil` is the default user.
    public var user: String?
    /// The password of AUTH; never part of ``description``.
    public var password: String?
    /// The number of the database.
    public var database: Int

    /// Creates an address from its parts.
    public init(_ endpoint: Endpoint, user: String? = nil, password: String? = nil, database: Int = 0) {
        self.endpoint = endpoint
        self.user = user
        self.password = password
        self.database = database
    }

    /// Reads `redis://[[user]:password@]host[:port][/database]` or
    /// `unix://[[user]:password@]/path[?db=database]`.
    ///
    /// - Throws: ``RedisError`` of code `invalidURL`, without the password.
    public init(url: String) throws(RedisError) {
        if url.hasPrefix("redis://") {
            try self.init(tcp: url.dropFirst(8))
        } else if url.hasPrefix("unix://") {
            try self.init(unix: url.dropFirst(7))
        } else {
            throw RedisError(.invalidURL, "it begins neither with redis:// nor with unix://")
        }
    }

    /// The address without the password.
    public var description: String {
        switch endpoint {
        case .tcp(let host, let port): "redis://\(host):\(port)/\(database)"
        case .unix(let path): "unix://\(path)"
        }
    }

    private init(tcp rest: Substring) throws(RedisError) {
        var (user, password, place) = Self.credentials(of: rest)
        var database = 0
        if let slash = place.firstIndex(of: "/") {
            let text = place[place.index(after: slash)...]
            place = place[..<slash]
            database = try Self.database(text)
        }
        let (host, port) = try Self.hostAndPort(place)
        self.init(.tcp(host: host, port: port), user: user, password: password, database: database)
    }

    private init(unix rest: Substring) throws(RedisError) {
        var (user, password, path) = Self.credentials(of: rest)
        var database = 0
        if let mark = path.firstIndex(of: "?") {
            let query = path[path.index(after: mark)...]
            path = path[..<mark]
            guard query.hasPrefix("db=") else { throw RedisError(.invalidURL, "an unknown query") }
            database = try Self.database(query.dropFirst(3))
        }
        guard path.hasPrefix("/"), path.utf8.count < 108 else {
            throw RedisError(.invalidURL, "the socket needs an absolute path of at most 107 bytes")
        }
        self.init(.unix(path: String(path)), user: user, password: password, database: database)
    }

    private static func database(_ text: Substring) throws(RedisError) -> Int {
        if text.isEmpty { return 0 }
        guard let number = Int(text), (0..<10_000).contains(number) else {
            throw RedisError(.invalidURL, "the database is not a number")
        }
        return number
    }

    private static func credentials(of rest: Substring) -> (user: String?, password: String?, rest: Substring)
    {
        guard let at = rest.lastIndex(of: "@") else { return (nil, nil, rest) }
        let login = rest[..<at]
        let place = rest[rest.index(after: at)...]
        guard let colon = login.firstIndex(of: ":") else { return (nil, unescaped(login), place) }
        let user = unescaped(login[..<colon])
        return (user.isEmpty ? nil : user, unescaped(login[login.index(after: colon)...]), place)
    }

    private static func hostAndPort(_ place: Substring) throws(RedisError) -> (String, UInt16) {
        let host: Substring
        var rest: Substring
        if place.hasPrefix("["), let end = place.firstIndex(of: "]") {
            host = place[place.index(after: place.startIndex)..<end]
            rest = place[place.index(after: end)...]
        } else {
            host = place.prefix { $0 != ":" }
            rest = place.dropFirst(host.count)
        }
        guard !host.isEmpty else { throw RedisError(.invalidURL, "the host is missing") }
        if rest.isEmpty { return (String(host), 6379) }
        rest = rest.dropFirst()
        guard let port = UInt16(rest), port > 0 else { throw RedisError(.invalidURL, "the port is no port") }
        return (String(host), port)
    }

    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == 0x25, rest.count >= 2, let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Turns host names into literal addresses; blocks, so it runs on a thread of its own.
enum HostResolver {
    static func literalAddress(of host: String) -> Result<String, RedisError> {
        // SAFETY: all zeros are valid hints.
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        // SAFETY: the hints are a local; the list is freed below, after the text has been copied.
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0, let addresses = unsafe list else {
            // SAFETY: gai_strerror returns a static string.
            let reason = unsafe String(cString: gai_strerror(code))
            return .failure(RedisError(.unavailable, "cannot resolve \(host): \(reason)"))
        }
        defer { unsafe freeaddrinfo(addresses) }
        return unsafe literalText(of: addresses.pointee).map { .success($0) }
            ?? .failure(RedisError(.unavailable, "no address for \(host)"))
    }

    private static func literalText(of address: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        // SAFETY: the buffer is as long as said, and getnameinfo ends it by zero.
        let named = unsafe getnameinfo(
            address.ai_addr,
            address.ai_addrlen,
            &text,
            socklen_t(text.count),
            nil,
            0,
            NI_NUMERICHOST
        )
        guard named == 0 else { return nil }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
