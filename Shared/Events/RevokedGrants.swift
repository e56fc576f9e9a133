import Reactor

/// The grants that were revoked lately.
///
/// The gateway takes auth's word for a second, and what is opened may have waited for something: whoever opens it looks
/// here once it can be closed, so that nothing is left open under a grant that was revoked meanwhile.
public struct RevokedGrants: Sendable {
    /// How long a revoked grant is remembered; none of them comes back.
    public static let memory = Duration.seconds(60)
    /// Revoked grants that are remembered; beyond it the older half is forgotten.
    public static let limit = 8192

    /// When each was revoked, in monotonic nanoseconds.
    private var moments: [String: UInt64] = [:]

    /// Creates an empty memory.
    public init() {}

    /// Takes note that `grant` was revoked at `now`, in monotonic nanoseconds.
    public mutating func note(_ grant: String, at now: UInt64) {
        if moments.count >= Self.limit {
            let middle = moments.values.sorted()[moments.count / 2]
            moments = moments.filter { $0.value > middle }
        }
        moments = moments.filter { now &- $0.value < Self.memory.nanoseconds }
        moments[grant] = now
    }

    /// Whether one of `grants` was revoked.
    public func contains(_ grants: [String]) -> Bool { grants.contains { moments[$0] != nil } }

    /// The grants of a request by the field in which the gateway names them: of a browser with several share links it
    /// names several, with commas between them.
    public static func grants(in field: String?) -> [String] {
        (field ?? "").split(separator: ",").map(String.init)
    }
}
