import Synchronization

/// Finds the handler of a request by its method and path.
///
/// A pattern is a path whose segments are literal, `:name` (one segment) or, at the end, `*name` (the rest).
/// A literal wins over a parameter. `HEAD` is answered by the `GET` route where it has no route of its own.
public final class HTTPRouter: Sendable {
    private struct Route {
        var names: [String]
        var handler: HTTPHandler
    }

    private struct Node {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var rest: Int?
        var routes: [String: Route] = [:]
    }

    private let nodes = Mutex([Node()])

    /// Creates a router that knows no path.
    public init() {}

    /// Answers `method` on the paths of `pattern` by `handler`; the last of two equal routes wins.
    public func add(_ method: String, _ pattern: String, _ handler: @escaping HTTPHandler) {
        precondition(pattern.hasPrefix("/"), "a pattern begins with a slash")
        var names: [String] = []
        nodes.withLock { nodes in
            var node = 0
            for segment in pattern.dropFirst().split(
                separator: "/",
                omittingEmptySubsequences: pattern == "/"
            ) {
                node = Self.child(of: node, for: segment, in: &nodes, names: &names)
            }
            nodes[node].routes[method] = Route(names: names, handler: handler)
        }
    }

    /// Answers `GET`, and `HEAD` by the same response without its body.
    public func get(_ pattern: String, _ handler: @escaping HTTPHandler) { add("GET", pattern, handler) }

    /// Answers `HEAD` by a handler of its own.
    public func head(_ pattern: String, _ handler: @escaping HTTPHandler) { add("HEAD", pattern, handler) }

    /// Answers `POST`.
    public func post(_ pattern: String, _ handler: @escaping HTTPHandler) { add("POST", pattern, handler) }

    /// Answers `PUT`.
    public func put(_ pattern: String, _ handler: @escaping HTTPHandler) { add("PUT", pattern, handler) }

    /// Answers `PATCH`.
    public func patch(_ pattern: String, _ handler: @escaping HTTPHandler) { add("PATCH", pattern, handler) }

    /// Answers `DELETE`.
    public func delete(_ pattern: String, _ handler: @escaping HTTPHandler) {
        add("DELETE", pattern, handler)
    }

    /// Answers a request by its route.
    ///
    /// - Throws: ``HTTPProblem`` 400, 404 or 405 where there is none, and whatever the handler throws.
    public nonisolated(nonsending) func respond(to request: HTTPRequest) async throws -> HTTPResponse {
        let (handler, parameters) = try route(for: request)
        var request = request
        request.parameters = parameters
        return try await handler(request)
    }

    private func route(for request: HTTPRequest) throws -> (HTTPHandler, [String: String]) {
        guard let segments = try? HTTPTarget.segments(of: request.path) else {
            throw HTTPProblem.malformedPath
        }
        return try nodes.withLock { nodes in
            var values: [String] = []
            guard let found = Self.find(segments[...], from: 0, in: nodes, values: &values) else {
                throw HTTPProblem.noSuchPath
            }
            let routes = nodes[found].routes
            let method = request.method
            guard let route = routes[method] ?? (method == "HEAD" ? routes["GET"] : nil) else {
                throw HTTPProblem.methodNotAllowed(routes.keys.sorted())
            }
            return (route.handler, Dictionary(zip(route.names, values)) { first, _ in first })
        }
    }

    private static func child(
        of node: Int,
        for segment: Substring,
        in nodes: inout [Node],
        names: inout [String]
    ) -> Int {
        let next: Int
        switch segment.first {
        case ":":
            names.append(String(segment.dropFirst()))
            next = nodes[node].parameter ?? nodes.count
            nodes[node].parameter = next
        case "*":
            names.append(String(segment.dropFirst()))
            next = nodes[node].rest ?? nodes.count
            nodes[node].rest = next
        default:
            next = nodes[node].literals[String(segment)] ?? nodes.count
            nodes[node].literals[String(segment)] = next
        }
        if next == nodes.count { nodes.append(Node()) }
        return next
    }

    /// Depth-first, at most as deep as a target may have segments.
    private static func find(
        _ segments: ArraySlice<String>,
        from node: Int,
        in nodes: [Node],
        values: inout [String]
    ) -> Int? {
        guard let segment = segments.first else { return nodes[node].routes.isEmpty ? nil : node }
        let count = values.count
        if let literal = nodes[node].literals[segment],
            let found = find(segments.dropFirst(), from: literal, in: nodes, values: &values)
        {
            return found
        }
        if let parameter = nodes[node].parameter, !segment.isEmpty {
            values.append(segment)
            if let found = find(segments.dropFirst(), from: parameter, in: nodes, values: &values) {
                return found
            }
            values.removeSubrange(count...)
        }
        guard let rest = nodes[node].rest else { return nil }
        values.append(segments.joined(separator: "/"))
        return rest
    }
}
