import HTTPServing

/// Who asks, as the gateway says after it has asked auth.
struct Viewer: Sendable, Equatable {
    /// What an account may do; share links are viewers.
    enum Role: String, Sendable {
        case viewer, member, admin
    }

    /// Which streams somebody may see.
    enum Streams: Sendable, Equatable {
        case all
        case some(Set<String>)
    }

    var subject: String
    var role: Role
    /// The grants behind the credentials; a browser with several share links has several.
    var grants: Set<String>
    var streams: Streams

    /// Reads the fields that only the gateway can have set.
    ///
    /// - Throws: ``HTTPProblem`` 401 where they are missing: the request did not come through the gateway.
    init(_ request: HTTPRequest) throws(HTTPProblem) {
        guard let subject = request.headers["x-martlet-subject"], !subject.isEmpty,
            let role = request.headers["x-martlet-role"].flatMap(Role.init(rawValue:))
        else { throw HTTPProblem(401, "login_needed", "Log in, or send a token.") }
        self.subject = subject
        self.role = role
        grants = Self.list(request.headers["x-martlet-grant"])
        let streams = Self.list(request.headers["x-martlet-streams"])
        self.streams = streams.contains("*") ? .all : .some(streams)
    }

    /// Whether a stream and all that belongs to it exists for this viewer.
    func maySee(_ stream: String) -> Bool {
        switch streams {
        case .all: true
        case .some(let streams): streams.contains(stream)
        }
    }

    /// Refuses who may only watch.
    func requireMember() throws(HTTPProblem) {
        guard role != .viewer, streams == .all else {
            throw HTTPProblem(403, "members_only", "Only members and administrators may do this.")
        }
    }

    private static func list(_ field: String?) -> Set<String> {
        Set((field ?? "").split(separator: ",").map { String($0.filter { $0 != " " }) })
    }
}
