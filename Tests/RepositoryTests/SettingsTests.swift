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
        let given = try Self.keysOfCompose()
        for setting in Self.settings() where setting.service != "Hosting" {
            let isGiven = setting.names.contains {
                given.contains($0[...]) || given.contains(($0 + "_FILE")[...])
            }
            #expect(isGiven, "\(setting.names[0]) of \(setting.service)")
        }
    }

    @Test func `what every service reads can be given to each container`() throws {
        let given = try Self.keysOfCompose()
        let services = ["AUTH", "CATALOG", "INGEST", "ORIGIN", "SFU", "TRANSCODER"]
        for setting in Self.settings() where setting.service == "Hosting" {
            let name = setting.names[1]
            for service in services where !given.contains(name[...]) {
                #expect(given.contains("\(service)_\(name)"[...]), "\(name) of \(service)")
            }
        }
    }

    @Test func `every setting of the gateway stands in the README and in the composition`() throws {
        let readme = try Repository.text(of: "README.md")
        let compose = try Repository.text(of: "compose.yaml")
        let names = try Repository.text(of: "scripts/stack/stack.py").matches(of: /"(GATEWAY_[A-Z_]+)"/)
        #expect(!names.isEmpty)
        for name in names.map(\.1) {
            #expect(readme.contains("`\(name)`"), "\(name)")
            #expect(compose.contains("${\(name):-"), "\(name)")
        }
    }

    @Test func `every variable of the composition stands in the README`() throws {
        let readme = try Repository.text(of: "README.md")
        for match in try Repository.text(of: "compose.yaml").matches(of: /\$\{([A-Z][A-Z0-9_]+)/) {
            #expect(readme.contains("`\(match.1)`"), "\(match.1)")
        }
    }

    /// The names before colons in compose.yaml.
    private static func keysOfCompose() throws -> Set<Substring> {
        try Set(Repository.text(of: "compose.yaml").matches(of: /(?m)^ +([A-Z][A-Z0-9_]+):/).map(\.1))
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
