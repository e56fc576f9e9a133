import Crypto
import Foundation
import TestSupport
import Testing

@Suite struct TLSServerEngineTests {
    @Test func `a client and the server shake hands and talk both ways`() throws {
        var server = TLSServerEngine(try Certificate.identity())
        var client = TLSServerEngine(client: try TLSIdentity(trustingAnyServer: ()))
        var toServer = client.start().ciphertext
        while !(server.isOpen && client.isOpen) {
            let toClient = server.receive(toServer.span).ciphertext
            try #require(!toClient.isEmpty)
            toServer = client.receive(toClient.span).ciphertext
        }
        _ = server.receive(toServer.span)

        let question = [UInt8](repeating: 7, count: 100_000)
        let heard = server.receive(client.send(question.span).ciphertext.span)
        #expect(heard.plaintext == question)
        let answer = client.receive(server.send([1, 2, 3].span).ciphertext.span)
        #expect(answer.plaintext == [1, 2, 3])
        let goodbye = server.receive(client.close().ciphertext.span)
        #expect(goodbye.end == .closedByPeer)
    }

    @Test func `ciphertext may arrive one byte at a time`() throws {
        var server = TLSServerEngine(try Certificate.identity())
        var client = TLSServerEngine(client: try TLSIdentity(trustingAnyServer: ()))
        var toServer = client.start().ciphertext
        while !(server.isOpen && client.isOpen) {
            var toClient: [UInt8] = []
            for byte in toServer { toClient += server.receive([byte].span).ciphertext }
            try #require(!toClient.isEmpty)
            toServer = client.receive(toClient.span).ciphertext
        }
    }

    @Test(arguments: [
        [UInt8](repeating: 0, count: 16), Array("GET / HTTP/1.1\r\n\r\n".utf8), [22, 3, 1, 255, 255, 1],
        [UInt8](repeating: 0xff, count: 5),
    ])
    func `what is no TLS ends the connection and nothing else`(bytes: [UInt8]) throws {
        var server = TLSServerEngine(try Certificate.identity())
        let progress = server.receive(bytes.span)
        #expect(progress.plaintext.isEmpty)
        let isOpen = server.isOpen
        #expect(!isOpen)
        #expect(server.receive([1, 2, 3].span).plaintext.isEmpty)
    }

    @Test func `a missing certificate is named`() {
        #expect(throws: TLSSetupFailure.certificate(file: "/nowhere.pem")) {
            try TLSIdentity(certificateFile: "/nowhere.pem", keyFile: "/nowhere.pem")
        }
    }
}

/// A self-signed certificate of this test run.
private enum Certificate {
    static func identity() throws -> TLSIdentity {
        let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/openssl")
        openssl.currentDirectoryURL = folder
        openssl.standardError = FileHandle.nullDevice
        openssl.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem",
        ]
        try openssl.runAlone()
        openssl.waitUntilExit()
        return try TLSIdentity(
            certificateFile: folder.appending(path: "certificate.pem").path,
            keyFile: folder.appending(path: "key.pem").path
        )
    }
}
