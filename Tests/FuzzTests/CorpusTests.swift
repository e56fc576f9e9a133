import Foundation
import Testing
import TestSupport

/// Replays what fuzzing has found; a parser that traps ends its own process, not this one.
@Suite struct CorpusTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let corpora = root.appendingPathComponent("Fixtures/Fuzz")

    /// Where this test and the fuzz programs were built.
    private static var products: URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    /// The parsers that have a folder under `Tests/Fuzz`.
    static let parsers: [String] = {
        let folder = root.appendingPathComponent("Fuzz")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0 != "Driver" && $0 != "run" && !$0.contains(".") }.sorted()
    }()

    @Test func `every fuzz target is found`() {
        #expect(Self.parsers.count >= 4)
    }

    @Test(arguments: CorpusTests.parsers)
    func `no input of the corpus harms the parser`(parser: String) throws {
        let program = Self.products.appendingPathComponent("Fuzz\(parser)").path
        let corpus = Self.corpora.appendingPathComponent(parser).path
        try ExternalTool.succeed(program, [corpus])
    }
}
