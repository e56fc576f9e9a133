import Foundation

/// The source tree that these tests look at.
enum Repository {
    /// One text file.
    struct File: Sendable {
        /// The path from the root of the repository.
        var path: String
        /// The lines, without their ends.
        var lines: [Substring]
        /// Every run of letters, digits, underscores and `!`, to see at once what a file cannot contain.
        var words: Set<Substring>

        init(path: String, text: String) {
            self.path = path
            lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            words = Set(text.utf8.split(whereSeparator: { !Self.isWord($0) }).map { Substring($0) })
        }

        private static func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x21, 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
            default: false
            }
        }

        var text: String { lines.joined(separator: "\n") }
        var name: String { String(path.split(separator: "/").last ?? "") }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let ownFolders = ["Services", "Shared", "Tests", "scripts", "Dockerfiles", ".ci", "k8s"]
    private static let foreignFolders: Set<String> = [
        "node_modules", "__pycache__", "artifacts", "Corpus", "Fixtures",
    ]

    /// Every text file of the repository itself, in order of path.
    static let files: [File] = (ownFolders.flatMap(paths(under:)) + topLevelFiles).sorted().compactMap(file)

    /// The files whose names end in one of `extensions`.
    static func files(_ extensions: String..., under prefixes: [String] = [""]) -> [File] {
        files.filter { file in
            extensions.contains { file.path.hasSuffix("." + $0) }
                && prefixes.contains { file.path.hasPrefix($0) }
        }
    }

    /// The file at `path`, which must be there.
    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    /// The names of the folders right under `folder`.
    static func folders(in folder: String) throws -> [String] {
        let found = try FileManager.default.contentsOfDirectory(
            at: root.appending(path: folder),
            includingPropertiesForKeys: [.isDirectoryKey]
        )
        return try found.filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false }
            .map(\.lastPathComponent).sorted()
    }

    private static var topLevelFiles: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.filter { !$0.hasPrefix(".") || $0 == ".dockerignore" }
    }

    private static func paths(under folder: String) -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: root.appending(path: folder).path) else {
            return []
        }
        return walk.compactMap { $0 as? String }
            .filter { foreignFolders.isDisjoint(with: $0.split(separator: "/").map(String.init)) }
            .map { "\(folder)/\($0)" }
    }

    private static func file(_ path: String) -> File? {
        guard let text = try? text(of: path) else { return nil }
        return File(path: path, text: text)
    }
}

extension Repository.File {
    /// The places, as `path:line: text`, whose line matches `pattern`, unless `exception` matches it too.
    ///
    /// - Parameter hints: words of which a file with such a place has at least one.
    func places(
        matching pattern: Regex<Substring>,
        hints: Set<Substring>,
        except exception: Regex<Substring>? = nil
    ) -> [String] {
        guard !words.isDisjoint(with: hints) else { return [] }
        return lines.enumerated().compactMap { index, line in
            guard line.contains(pattern) else { return nil }
            if let exception, line.contains(exception) { return nil }
            return "\(path):\(index + 1): \(line.drop { $0 == " " }.prefix(100))"
        }
    }

    /// The modules that the file imports, in order.
    var imports: [String] {
        guard words.contains("import") else { return [] }
        let beginnings = ["import ", "public ", "private ", "internal ", "@"]
        return lines.compactMap { line in
            guard beginnings.contains(where: { line.hasPrefix($0) }) else { return nil }
            return line.firstMatch(
                of: /^(?:(?:public|private|internal|@\w+) )*import (?:(?:struct|enum|func) )?(\w+)/
            )
            .map { String($0.1) }
        }
    }
}
