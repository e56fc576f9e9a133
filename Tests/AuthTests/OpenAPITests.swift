import Contracts
import Foundation
import HTTPServing
import Testing

@testable import Auth

@Suite(.timeLimit(.minutes(2))) struct OpenAPITests {
    @Test func `every documented operation has a route`() async throws {
        let document = try JSONSerialization.jsonObject(with: Data("{\(AuthOpenAPI.paths)}".utf8))
        let paths = try #require(document as? [String: [String: Any]])
        #expect(paths.count == 13)
        var operations: [(String, String)] = []
        for (path, item) in paths {
            for method in ["get", "post", "delete"] where item[method] != nil {
                operations.append((method.uppercased(), path))
            }
        }
        try await AuthStack.run { stack in
            for (method, path) in operations {
                let path = path.replacing("{stream}", with: "aaaaaaaaaaaaaaaaaaaaaaaaaa")
                    .replacing("{share}", with: "x").replacing("{key}", with: "x").replacing(
                        "{token}",
                        with: "x"
                    )
                let answer = try await stack.send(method, path)
                #expect(answer.status == 401 || answer.status == 415, "\(method) \(path)")
            }
        }
    }

    @Test func `the schemas are JSON`() throws {
        let schemas = try JSONSerialization.jsonObject(with: Data("{\(AuthOpenAPI.schemas)}".utf8))
        #expect((schemas as? [String: Any])?.count == 4)
    }
}
