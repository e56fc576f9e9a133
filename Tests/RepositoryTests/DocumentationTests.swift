import Foundation
import Testing

@Suite struct DocumentationTests {
    @Test func `links between files lead somewhere`() {
        for file in Repository.files("md") {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for match in file.text.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/) where !match.1.contains("://") {
                let target = URL(filePath: "/\(folder)/\(match.1)").standardized.path.dropFirst()
                #expect(Repository.exists(String(target)), "\(file.path) leads to \(match.1)")
            }
        }
    }

    @Test func `the README has at most 220 lines and a service's at most 80`() {
        for file in Repository.files("md") where file.name == "README.md" {
            let isService = file.path.hasPrefix("Services/")
            guard isService || file.path == "README.md" else { continue }
            let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
            #expect(count <= (isService ? 80 : 220), "\(file.path) has \(count) lines")
        }
    }

    @Test func `every target of the Makefile is described`() throws {
        let makefile = try Repository.text(of: "Makefile")
        let readme = try Repository.text(of: "README.md")
        let phony = try #require(makefile.firstMatch(of: /\.PHONY: (.*)/)?.1)
        for target in phony.split(separator: " ") {
            #expect(makefile.contains("\n\(target): ## "), "\(target) has no description")
            #expect(target == "help" || readme.contains("make \(target)"), "\(target) is not in the README")
        }
    }

    @Test func `every module stands in the floor plan`() throws {
        let plan = try Repository.text(of: "Shared/README.md")
        for name in try Repository.folders(in: "Shared") {
            #expect(plan.contains("`\(name)`"), "\(name)")
        }
    }
}
