public import CPlatform

/// Pieces of memory that one system call takes one after the other.
public enum GatheredBytes {
    /// The most pieces of one call.
    public static let pieceLimit = 64

    /// Calls `body` with where `pieces` lie, the first without its first `offset` bytes.
    ///
    /// - Precondition: there are at most ``pieceLimit`` pieces, and the first has more than `offset` bytes.
    public static func withVectors<Result>(
        of pieces: ArraySlice<[UInt8]>,
        skipping offset: Int = 0,
        _ body: (UnsafeMutableBufferPointer<iovec>) -> Result
    ) -> Result {
        precondition(pieces.count <= pieceLimit)
        var vectors = unsafe [iovec]()
        unsafe vectors.reserveCapacity(pieces.count)
        return unsafe add(pieces, skipping: offset, to: &vectors, body)
    }

    /// Adds the pieces one by one to `vectors`, each pinned by a frame of this recursion.
    private static func add<Result>(
        _ rest: ArraySlice<[UInt8]>,
        skipping offset: Int,
        to vectors: inout [iovec],
        _ body: (UnsafeMutableBufferPointer<iovec>) -> Result
    ) -> Result {
        guard let first = rest.first else {
            // SAFETY: the vectors point into pieces that the frames above hold.
            return unsafe vectors.withUnsafeMutableBufferPointer { unsafe body($0) }
        }
        return unsafe first.withUnsafeBytes { bytes in
            let part = unsafe UnsafeMutableRawBufferPointer(
                mutating: UnsafeRawBufferPointer(rebasing: bytes[offset...])
            )
            unsafe vectors.append(iovec(iov_base: part.baseAddress, iov_len: part.count))
            return unsafe add(rest.dropFirst(), skipping: 0, to: &vectors, body)
        }
    }
}
