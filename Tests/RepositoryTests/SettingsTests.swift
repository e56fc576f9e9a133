import Testing

@Suite struct SettingsTests {
    /// One setting that a service reads.
    private struct Setting: Hashable {
        var service: String
        /// The names that it may be documented by: with the service's prefix, or shared.
        var names: [String]
    }

    private static func settings() -> Set<Setting> {
        var found: Set<Setting> = []
        for file in Repository.files("swift", under: ["Services/", "Shared/Hosting/"])
        where file.text.contains("EnvironmentReader") {
            let module = String(file.path.split(separator: "/")[1])
            let prefix = module.uppercased() + "_"
            for match in file.text.matches(of: /\.\w+\(\s*"([A-Z][A-Z0-9_]+)"/) {
                found.insert(
                    Setting(
                        service: module,
                        names: [prefix + match.1, String(match.1), "<SERVICE>_" + match.1]
                    )
                )
            }
        }
        return found
    }

    @Test func `every setting stands in the README's table`() throws {
        let readme = try Repository.text(of: "README.md")
        for setting in Self.settings() {
            #expect(
                setting.names.contains { readme.contains("`\($0)`") || readme.contains("`\($0)_FILE`") },
                "\(setting.names[0])"
            )
        }
    }

    @Test func `every setting can be given to the containers`() throws {
        let compose = try Repository.text(of: "compose.yaml")
        for setting in Self.settings() where setting.service != "Hosting" {
            let given = setting.names.contains {
                compose.contains("\($0):") || compose.contains("\($0)_FILE:")
            }
            #expect(given, "\(setting.names[0]) of \(setting.service)")
        }
    }

    @Test func `the README names no setting that nothing reads`() throws {
        let known = Set(Self.settings().flatMap(\.names))
        let words = Repository.files.filter { !$0.path.hasSuffix(".md") }.reduce(into: Set()) {
            $0.formUnion($1.words)
        }
        for match in try Repository.text(of: "README.md").matches(of: /(?m)^\| `([A-Z][A-Z0-9_]+)` \|/) {
            let name = String(match.1)
            #expect(known.contains(name) || words.contains(name[...]), "\(name)")
        }
    }
}
