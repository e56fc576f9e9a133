/// The body of a request, in the pieces in which it arrives; reading it lets the client send more.
///
/// It can be read once. Where the client goes away, reading throws ``HTTPConnectionClosed``.
public struct HTTPRequestBody: AsyncSequence, Sendable {
    /// A run of bytes, never empty.
    public typealias Element = [UInt8]

    let pipe: BoundedPipe<[UInt8]>

    init(pipe: BoundedPipe<[UInt8]>) {
        self.pipe = pipe
    }

    /// A body that is already here, for tests and for requests made by the program itself.
    public init(bytes: [UInt8] = []) {
        pipe = BoundedPipe(highWater: .max)
        if !bytes.isEmpty { _ = pipe.push(bytes, cost: bytes.count) }
        pipe.finish()
    }

    /// Reads the whole body.
    ///
    /// - Throws: ``HTTPProblem`` 413 as soon as it is longer than `limit`.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard piece.count <= limit - whole.count else { throw HTTPProblem.bodyTooLarge(limit: limit) }
            if whole.isEmpty { whole = piece } else { whole += piece }
        }
        return whole
    }

    /// Reads the pieces in order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let pipe: BoundedPipe<[UInt8]>

        /// The next piece, or `nil` at the end.
        public mutating func next() async throws -> [UInt8]? {
            try await pipe.next()
        }
    }

    /// Begins to read.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pipe: pipe) }
}

/// The other end has gone before the message was complete.
public struct HTTPConnectionClosed: Error, Equatable {
    /// Creates the error.
    public init() {}
}
