extension SDPDocument {
    /// Why a text is no session description.
    public enum Failure: Error, Equatable {
        /// It has more bytes, lines, sections or formats than ``SDPDocument/Limits`` allow.
        case tooLarge
        /// It does not begin with `v=0`.
        case noVersion
        /// A line is not a letter, an equals sign and a value.
        case malformedLine(Int)
        /// An `m=` line has too few fields or no port.
        case malformedMedia(Int)
    }

    /// Reads a description; lines may end with CR LF or with either alone.
    public init(_ text: String) throws(Failure) {
        let lines = try Self.lines(of: text)
        guard lines.first == "v=0" else { throw .noVersion }
        self.init(origin: "", name: "-")
        for (index, line) in lines.enumerated().dropFirst() { try read(line, number: index) }
    }

    /// The lines that are not empty.
    static func lines(of text: String) throws(Failure) -> [Substring] {
        guard text.utf8.count <= Limits.byteCount else { throw .tooLarge }
        let lines = text.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") || $0 == 0 }
        guard lines.count <= Limits.lineCount else { throw .tooLarge }
        guard lines.allSatisfy({ $0.count <= Limits.lineByteCount }) else { throw .tooLarge }
        return lines.map { Substring($0) }
    }

    private mutating func read(_ line: Substring, number: Int) throws(Failure) {
        guard let (letter, value) = Self.split(line) else { throw .malformedLine(number) }
        switch letter {
        case UInt8(ascii: "o"): origin = String(value)
        case UInt8(ascii: "s"): name = String(value)
        case UInt8(ascii: "m"):
            guard media.count < Limits.mediaCount else { throw .tooLarge }
            media.append(try Media(line: value, number: number))
        case UInt8(ascii: "c"):
            if !media.isEmpty { media[media.count - 1].connection = String(value) }
        case UInt8(ascii: "a"):
            append(Attribute(line: value))
        default: break
        }
    }

    /// The letter and the value of a line.
    static func split(_ line: Substring) -> (letter: UInt8, value: Substring)? {
        let bytes = line.utf8
        guard let letter = bytes.first, bytes.dropFirst().first == UInt8(ascii: "=") else { return nil }
        return (letter, Substring(bytes.dropFirst(2)))
    }

    private mutating func append(_ attribute: Attribute) {
        if media.isEmpty {
            attributes.append(attribute)
        } else {
            media[media.count - 1].attributes.append(attribute)
        }
    }
}

extension SDPDocument.Attribute {
    /// Reads what follows `a=`.
    init(line: Substring) {
        let parts = line.splitOnce(at: ":")
        self.init(String(parts.first), parts.second.map(String.init))
    }
}

extension SDPDocument.Media {
    /// Reads what follows `m=`.
    init(line: Substring, number: Int) throws(SDPDocument.Failure) {
        let fields = line.words
        guard fields.count >= 4 else { throw .malformedMedia(number) }
        guard fields.count - 3 <= SDPDocument.Limits.formatCount else { throw .tooLarge }
        // A port may be followed by the number of ports.
        guard let port = UInt16(fields[1].splitOnce(at: "/").first) else { throw .malformedMedia(number) }
        self.init(
            kind: String(fields[0]),
            port: port,
            transport: String(fields[2]),
            formats: fields[3...].map(String.init)
        )
    }
}

// Texts are cut by bytes, never by characters: a combining mark of a peer must not hide a separator.
extension StringProtocol {
    /// The parts between runs of spaces.
    var words: [Substring] { parts(between: " ") }

    /// The parts between runs of `separator`, without those that are empty.
    func parts(between separator: Unicode.Scalar) -> [Substring] {
        let byte = UInt8(ascii: separator)
        return Substring(self).utf8.split(separator: byte).map { Substring($0) }
    }

    /// What stands before the first `separator`, and behind it where there is one.
    func splitOnce(at separator: Unicode.Scalar) -> (first: Substring, second: Substring?) {
        let bytes = Substring(self).utf8
        guard let index = bytes.firstIndex(of: UInt8(ascii: separator)) else { return (Substring(self), nil) }
        return (Substring(bytes[..<index]), Substring(bytes[bytes.index(after: index)...]))
    }

    /// The text without spaces and tabs at its ends.
    var trimmed: Substring {
        var bytes = Substring(self).utf8
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        return Substring(bytes)
    }
}
