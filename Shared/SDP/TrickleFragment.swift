/// A fragment of a description that adds candidates or restarts ICE (RFC 8840).
public struct TrickleFragment: Equatable, Sendable {
    /// The sender's user name fragment.
    public var fragment: String?
    /// The sender's password.
    public var password: String?
    /// The candidates of all sections; in a bundle they are those of one transport.
    public var candidates: [Candidate]
    /// Whether no more candidates will come.
    public var isComplete: Bool
    /// The first section's words and tag, which an answer repeats.
    public var section: Section?

    /// An `m=` line and its tag.
    public struct Section: Equatable, Sendable {
        /// What follows `m=`.
        public var line: String
        /// The identification tag.
        public var mid: String?

        /// Creates a section.
        public init(line: String, mid: String?) {
            self.line = line
            self.mid = mid
        }
    }

    /// Why a text is no fragment.
    public enum Failure: Error, Equatable {
        /// It has more bytes or lines than ``SDPDocument/Limits`` allow.
        case tooLarge
        /// A line is not a letter, an equals sign and a value.
        case malformedLine(Int)
        /// It has no credentials, no candidate and no end of candidates.
        case empty
        /// One of the two credentials is missing or has a wrong length.
        case badCredentials
    }

    /// Creates a fragment.
    public init(
        fragment: String?,
        password: String?,
        candidates: [Candidate] = [],
        isComplete: Bool = false,
        section: Section? = nil
    ) {
        self.fragment = fragment
        self.password = password
        self.candidates = candidates
        self.isComplete = isComplete
        self.section = section
    }

    /// Reads a fragment.
    public init(_ text: String) throws(Failure) {
        self.init(fragment: nil, password: nil)
        let lines: [Substring]
        do throws(SDPDocument.Failure) {
            lines = try SDPDocument.lines(of: text)
        } catch {
            throw .tooLarge
        }
        var attributes: [SDPDocument.Attribute] = []
        for (index, line) in lines.enumerated() {
            guard let (letter, value) = SDPDocument.split(line) else { throw .malformedLine(index) }
            if letter == UInt8(ascii: "m"), section == nil {
                section = Section(line: String(value), mid: nil)
            }
            if letter == UInt8(ascii: "a") { attributes.append(.init(line: value)) }
        }
        section?.mid = attributes.value(of: "mid")
        try read(attributes)
    }

    private mutating func read(_ attributes: [SDPDocument.Attribute]) throws(Failure) {
        let transport = TransportOffer(attributes, session: [])
        (fragment, password) = (transport.fragment, transport.password)
        candidates = transport.candidates
        isComplete = transport.isComplete
        guard attributes.has("ice-ufrag") == (fragment != nil) else { throw .badCredentials }
        guard attributes.has("ice-pwd") == (password != nil) else { throw .badCredentials }
        let saysSomething = fragment != nil || attributes.has("candidate") || isComplete
        guard saysSomething else { throw .empty }
    }

    /// The fragment as it is sent.
    public var text: String {
        var attributes: [SDPDocument.Attribute] = []
        if let fragment { attributes.append(.init("ice-ufrag", fragment)) }
        if let password { attributes.append(.init("ice-pwd", password)) }
        var lines = ["a=ice-lite"] + attributes.map(\.line)
        if let section {
            if let mid = section.mid { lines.append("a=group:BUNDLE \(mid)") }
            lines.append("m=\(section.line)")
            if let mid = section.mid { lines.append("a=mid:\(mid)") }
        }
        lines += candidates.map { "a=candidate:\($0.value)" }
        if isComplete { lines.append("a=end-of-candidates") }
        return lines.map { $0 + "\r\n" }.joined()
    }
}
