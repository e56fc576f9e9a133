import Foundation
import HTTPServing
import Testing

@testable import Catalog

@Suite(.timeLimit(.minutes(1))) struct OpenAPITests {
    private func document() throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.utf8)) as? [String: Any]
        )
    }

    @Test func `is one JSON document whose references all lead somewhere`() throws {
        let document = try document()
        for match in OpenAPIDocument.text.matches(of: /"\$ref": "#\/([^"]+)"/) {
            let found = match.1.split(separator: "/").reduce(document as Any?) { node, name in
                (node as? [String: Any])?[String(name)]
            }
            #expect(found != nil, "\(match.1)")
        }
    }

    @Test func `describes operations that have a route`() async throws {
        let paths = try #require(try document()["paths"] as? [String: [String: Any]])
        let own = paths.filter { path, _ in
            path.hasPrefix("/api/v1/recordings") || path.hasPrefix("/api/v1/watch")
                || path.wholeMatch(of: /\/api\/v1\/streams(\/\{id\}.*)?/) != nil
        }
        let operations = own.flatMap { path, item in
            item.keys.filter { $0 != "parameters" }.map { ($0.uppercased(), path) }
        }
        #expect(operations.count == 12)
        try await CatalogFixture.run { catalog async throws in
            for (method, path) in operations {
                let path = path.replacing("{id}", with: "aaaaaaaaaaaaaaaaaaaaaaaaaa").replacing(
                    "{slug}",
                    with: "x"
                )
                let answer = try await catalog.ask(method, path, as: "nobody")
                #expect(answer.status == 401, "\(method) \(path)")
            }
        }
    }
}
