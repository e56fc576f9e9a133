extension SDPDocument {
    /// The description as it is sent.
    public var text: String {
        var lines = ["v=0", "o=\(origin)", "s=\(name)", "t=0 0"]
        lines += attributes.map(\.line)
        for section in media { lines += section.lines }
        return lines.map { $0 + "\r\n" }.joined()
    }
}

extension SDPDocument.Media {
    /// What follows `m=`.
    public var fields: String { ([kind, String(port), transport] + formats).joined(separator: " ") }

    /// The lines of the section, the first of them `m=`.
    var lines: [String] {
        var lines = ["m=\(fields)"]
        if let connection { lines.append("c=\(connection)") }
        return lines + attributes.map(\.line)
    }
}

extension SDPDocument.Attribute {
    /// The whole line, without its end.
    var line: String { value.map { "a=\(name):\($0)" } ?? "a=\(name)" }
}
