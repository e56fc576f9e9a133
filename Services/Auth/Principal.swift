/// Who asks, as far as a credential tells, and what they may do.
struct Principal: Sendable, Equatable {
    /// What a user may do; a later role may do what the earlier ones may.
    enum Role: String, Sendable, Comparable, CaseIterable {
        case viewer, member, admin

        static func < (lhs: Role, rhs: Role) -> Bool { lhs.rank < rhs.rank }

        private var rank: Int {
            switch self {
            case .viewer: 0
            case .member: 1
            case .admin: 2
            }
        }
    }

    /// What kind of grant stands behind the credential.
    enum Kind: String, Sendable {
        case password, session, token, share
    }

    /// The ID of the user or of the share link.
    var subject: String
    var kind: Kind
    var role: Role
    /// The grant whose revocation ends it all.
    var grant: String
    /// The one stream it is about, or `nil` for all.
    var stream: String?
    /// When the credential ends, in seconds since 1970.
    var expiry: Int64?

    var isShare: Bool { kind == .share }

    func mayWatch(_ stream: String) -> Bool { self.stream == nil || self.stream == stream }
}

/// Everybody that the credentials of one request stand for: one user, or the share links of one browser.
struct Identity: Sendable, Equatable {
    /// At least one.
    private(set) var principals: [Principal]
    /// Whether the browser sends the credential by itself, so that a foreign page could make use of it.
    var isAmbient: Bool

    init?(_ principals: [Principal], isAmbient: Bool) {
        guard !principals.isEmpty else { return nil }
        self.principals = principals
        self.isAmbient = isAmbient
    }

    var isShare: Bool { principals.allSatisfy(\.isShare) }
    var role: Principal.Role { principals.map(\.role).max() ?? .viewer }
    var first: Principal? { principals.first }

    func principal(for stream: String) -> Principal? {
        principals.first { $0.mayWatch(stream) }
    }

    // The fields that nginx hands on. A browser with several share links has several of each.

    var subjectField: String { principals.map(\.subject).joined(separator: ",") }
    var grantField: String { principals.map(\.grant).joined(separator: ",") }
    var streamsField: String {
        principals.contains { $0.stream == nil }
            ? "*" : principals.compactMap(\.stream).joined(separator: ",")
    }
}
