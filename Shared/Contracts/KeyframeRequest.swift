/// A reader's request for a keyframe, as a member of the set ``BusKeys/ask(_:)``: equal ones are one until they
/// are taken.
public enum KeyframeRequest: Sendable, Hashable, CustomStringConvertible {
    /// Of every picture of the publisher, so that all its layers can be cut together.
    case all
    /// Of one layer of a simulcast, by its rendition.
    case layer(RenditionName)

    private static let word = "keyframe"

    /// Reads a member of the set; `nil` where it is no such request.
    public init?(parsing text: some StringProtocol) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let word = halves.first, String(word) == Self.word else { return nil }
        guard halves.count == 2 else {
            self = .all
            return
        }
        guard let rendition = RenditionName(parsing: halves[1]) else { return nil }
        self = .layer(rendition)
    }

    /// The request as it stands in the set: `keyframe` or `keyframe:r-<rid>`.
    public var description: String {
        switch self {
        case .all: Self.word
        case .layer(let rendition): "\(Self.word):\(rendition)"
        }
    }
}
