import Testing

@Suite struct SourceRulesTests {
    private static let swift = Repository.files("swift").filter {
        !$0.path.hasPrefix("Tests/RepositoryTests/")
    }
    private static let product = swift.filter {
        $0.path.hasPrefix("Shared/") || $0.path.hasPrefix("Services/")
    }
    private static let scripts = Repository.files("py", "js").filter {
        !$0.path.hasPrefix("Tests/RepositoryTests/")
    }

    // A function `make` puts the parts of a service together, one after the other.
    @Test func `no file is longer than 500 lines and no function longer than 60`() {
        for file in Self.swift + Self.scripts where !file.path.hasSuffix("Table.swift") {
            #expect(file.lines.count <= 501, "\(file.path) has \(file.lines.count) lines")
        }
        for file in Self.product {
            for (name, length) in file.functionLengths where length > 60 && name != "make" {
                Issue.record("\(file.path): \(name) has \(length) lines")
            }
        }
    }

    @Test func `half of all functions have at most eight lines`() {
        let lengths = Self.product.flatMap(\.functionLengths).map(\.length).sorted()
        #expect(
            lengths.isEmpty || lengths[lengths.count / 2] <= 8,
            "the median is \(lengths[lengths.count / 2])"
        )
    }

    private static let bannedNames: Set<Substring> = ["pkt", "hdr", "buf", "cfg", "ctx", "msg", "mgr"]

    @Test func `names are the field's words`() {
        let banned = /\b(?:let|var|func|case|struct|class|enum|actor)\s+(?:pkt|hdr|buf|cfg|ctx|msg|mgr)\b/
        let files = /(?:Utils?|Helpers?|Common|Manager)\.(?:swift|js|py)$/
        for file in Self.swift {
            #expect(file.places(matching: banned, hints: Self.bannedNames).isEmpty)
        }
        for file in Self.swift + Self.scripts {
            #expect(!file.path.contains(files), "\(file.path)")
        }
    }

    private static let marks: Set<Substring> = ["TODO", "FIXME", "XXX", "HACK", "try!", "as!", "fatalError"]

    @Test func `nothing is left to do, forced or switched off`() {
        let marks = /\b(?:TODO|FIXME|XXX|HACK)\b|\btry!|\bas!|fatalError\(/
        let switchedOff =
            /\.disabled\(|XCTSkip|pytest\.mark\.skip|pytest\.skip\(|(?:test|it|describe)\.skip\(/
        for file in Self.swift + Self.scripts {
            #expect(file.places(matching: marks, hints: Self.marks).isEmpty)
            #expect(file.places(matching: switchedOff, hints: ["disabled", "XCTSkip", "skip"]).isEmpty)
        }
    }

    @Test func `no test sleeps to wait`() {
        let sleeps = /\b(?:Thread\.sleep|Task\.sleep|usleep|time\.sleep)\(/
        let forEver = /\.seconds\(\d{3,}\)/
        for file in Self.swift + Self.scripts where file.path.contains(/^Tests\/\w+Tests\/|\/test_\w+\.py$/) {
            #expect(file.places(matching: sleeps, hints: ["sleep", "usleep"], except: forEver).isEmpty)
        }
    }

    @Test func `every task has an owner`() {
        let loose = /\bTask(?:\.detached|\.immediate)?\s*(?:\([^)]*\)\s*)?\{/
        for file in Self.product {
            if file.path.hasPrefix("Shared/Reactor/") || file.path.hasPrefix("Shared/HTTPServing/") {
                continue
            }
            #expect(file.places(matching: loose, hints: ["Task"]).isEmpty)
        }
    }

    @Test func `every unsafe expression says why it is safe`() {
        for file in Self.product where file.words.contains("unsafe") {
            let blocks = file.lines.count { $0.contains("unsafe ") && $0.contains(/^[^\/"]*\bunsafe \w/) }
            let reasons = file.lines.count { $0.contains("// SAFETY:") }
            #expect(blocks == 0 || reasons > 0, "\(file.path) has \(blocks) unsafe lines and no SAFETY")
        }
    }

    @Test func `only a Main reads the environment`() {
        for file in Self.product where file.name != "Main.swift" && !file.path.hasPrefix("Shared/Hosting/") {
            let reads = /\bgetenv\(|ProcessInfo\.processInfo\.environment/
            #expect(file.places(matching: reads, hints: ["getenv", "ProcessInfo"]).isEmpty)
        }
    }

    @Test func `the repository names no machine of its makers`() {
        let paths = /\/work\/|\/root\/|deb\.debian\.org|pypi\.org/
        for file in Repository.files where !file.path.hasPrefix("Tests/RepositoryTests/") {
            #expect(file.places(matching: paths, hints: ["work", "root", "debian", "pypi"]).isEmpty)
        }
    }
}

extension Repository.File {
    /// The name and the number of lines of the body of each function that starts a line.
    var functionLengths: [(name: String, length: Int)] {
        lines.indices.compactMap { start in
            let line = lines[start]
            guard line.hasSuffix("{") || line.hasSuffix("(") else { return nil }
            guard let match = line.firstMatch(of: /^(\s*)(?:@?[\w\(\)]+ )*(?:func (\S+?)[\(<]|init[\(\?<])/)
            else {
                return nil
            }
            guard let end = lines[start...].firstIndex(where: { $0 == match.1 + "}" }) else { return nil }
            guard let body = lines[start...end].firstIndex(where: { $0.hasSuffix("{") }) else { return nil }
            return (String(match.2 ?? "init"), end - body - 1)
        }
    }
}
