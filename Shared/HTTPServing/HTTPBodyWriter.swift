/// Writes the body of a streamed response; what is written together travels together.
public struct HTTPBodyWriter: Sendable {
    private let send: @Sendable ([HTTPResponse.Piece]) async throws -> Void

    /// Creates a writer that hands what is written to `send`, for tests and for the server.
    public init(_ send: @escaping @Sendable ([HTTPResponse.Piece]) async throws -> Void) {
        self.send = send
    }

    /// Adds bytes, and suspends while the client is too far behind.
    ///
    /// - Throws: ``HTTPConnectionClosed`` once the client has gone.
    public func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await send([.bytes(bytes)])
    }

    /// Adds pieces, files by sendfile, under the same rule.
    public func write(_ pieces: [HTTPResponse.Piece]) async throws {
        let pieces = pieces.filter { $0.count > 0 }
        guard !pieces.isEmpty else { return }
        try await send(pieces)
    }

    /// Adds text in UTF-8, under the same rule.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }
}
