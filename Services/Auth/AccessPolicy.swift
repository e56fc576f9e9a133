import Tokens

/// Which part of the site a request is about, by its path alone.
enum AccessTarget: Sendable, Equatable {
    /// A stream or an asset under `/live` or `/vod`, with the token that stood in the path.
    case media(MediaPath)
    /// The REST API, with the path after `/api/v1`.
    case api([String])
    /// What can be read in two ways, or what nobody may see.
    case nothing

    /// Reads the address as the client sent it, query and all.
    init(uri: String) {
        let path = String(uri.prefix { $0 != "?" && $0 != "#" })
        if let media = MediaPath(path) {
            self = .media(media)
        } else if let elements = Self.apiElements(path) {
            self = .api(elements)
        } else if let elements = Self.aliasElements(path) {
            self = .api(["aliases"] + elements)
        } else {
            self = .nothing
        }
    }

    private static func apiElements(_ path: String) -> [String]? {
        let elements = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard elements.count >= 3, elements[0].isEmpty, elements[1] == "api", elements[2] == "v1" else {
            return nil
        }
        return plain(elements.dropFirst(3))
    }

    private static let apiAliases: Set<String> = [
        "files", "scan", "stream", "upload", "video", "videos", "devices",
    ]

    /// The short addresses for scripts, which the catalog answers to accounts.
    private static func aliasElements(_ path: String) -> [String]? {
        let elements = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard elements.count >= 3, elements[0].isEmpty else { return nil }
        let isAlias =
            switch elements[1] {
            case "api": apiAliases.contains(elements[2])
            case "hls", "thumbnails": true
            case "vod": elements[2] == "recordings"
            default: false
            }
        return isAlias ? plain(elements.dropFirst()) : nil
    }

    /// The elements, where none can be read in two ways.
    private static func plain(_ elements: ArraySlice<String>) -> [String]? {
        let isPlain = elements.allSatisfy {
            $0 != "." && $0 != ".." && !$0.contains("%") && !$0.contains("\\")
        }
        guard isPlain, !elements.dropLast().contains("") else { return nil }
        return Array(elements)
    }
}

/// Who may do what in the API; objects are checked by the service that owns them.
enum AccessPolicy {
    private static let safeMethods: Set<String> = ["GET", "HEAD"]

    static func permits(_ identity: Identity, _ method: String, _ path: [String]) -> Bool {
        if identity.isShare { return permitsShare(identity, method, path) }
        if identity.role >= .member || safeMethods.contains(method) { return true }
        return isMediaRight(path) || isViewing(path) && method == "PATCH" || path == ["logout"]
    }

    /// A share link shows its stream, and nothing else.
    private static func permitsShare(_ identity: Identity, _ method: String, _ path: [String]) -> Bool {
        if isMediaRight(path), method == "POST" { return identity.principal(for: path[1]) != nil }
        if isViewing(path), method == "GET" || method == "PATCH" {
            return identity.principal(for: path[1]) != nil
        }
        guard safeMethods.contains(method), let first = path.first else { return false }
        switch first {
        case "me", "time", "events": return path.count == 1
        case "watch": return path.count == 2
        case "recordings": return path.count <= 2
        case "streams": return path.count == 2 && identity.principal(for: path[1]) != nil
        default: return false
        }
    }

    /// `streams/<id>/viewers/<session>`, whose last element only the viewer knows, and who may see all viewers.
    private static func isViewing(_ path: [String]) -> Bool {
        path.count == 4 && path[0] == "streams" && path[2] == "viewers"
    }

    /// `streams/<id>/media-cookie` and `streams/<id>/media-token`.
    private static func isMediaRight(_ path: [String]) -> Bool {
        path.count == 3 && path[0] == "streams" && (path[2] == "media-cookie" || path[2] == "media-token")
    }
}
