/// What a `Range` field asks of a body of known length (RFC 9110 §14).
enum ByteRange: Equatable {
    /// The whole body: no range, or one that a server may ignore.
    case whole
    /// The bytes from `offset` on.
    case part(offset: Int64, count: Int64)
    /// No byte of it exists.
    case unsatisfiable

    /// Reads the value of a field; several ranges at once are answered by the whole.
    init(_ field: String?, size: Int64) {
        self = .whole
        guard let field, field.lowercased().hasPrefix("bytes=") else { return }
        let parts = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, !field.contains(",") else { return }
        let first = Self.number(parts[0])
        let last = Self.number(parts[1])
        switch (parts[0].isEmpty, first, parts[1].isEmpty, last) {
        case (true, _, false, let suffix?): self = Self.suffix(suffix, of: size)
        case (false, let first?, true, _): self = Self.from(first, to: .max, of: size)
        case (false, let first?, false, let last?) where first <= last:
            self = Self.from(first, to: last, of: size)
        default: return
        }
    }

    private static func suffix(_ count: Int64, of size: Int64) -> ByteRange {
        let count = min(count, size)
        return count == 0 ? .unsatisfiable : .part(offset: size - count, count: count)
    }

    private static func from(_ first: Int64, to last: Int64, of size: Int64) -> ByteRange {
        guard first < size else { return .unsatisfiable }
        return .part(offset: first, count: min(last, size - 1) - first + 1)
    }

    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
    }
}

extension [HTTPResponse.Piece] {
    /// The bytes of all pieces together.
    var byteCount: Int64 { reduce(0) { $0 + $1.count } }

    /// The pieces of `count` bytes from `offset` on.
    func slice(offset: Int64, count: Int64) -> [HTTPResponse.Piece] {
        var (skip, left) = (offset, count)
        var slice: [HTTPResponse.Piece] = []
        for piece in self where left > 0 {
            guard skip < piece.count else {
                skip -= piece.count
                continue
            }
            let taken = Swift.min(left, piece.count - skip)
            slice.append(piece.slice(offset: skip, count: taken))
            skip = 0
            left -= taken
        }
        return slice
    }
}

extension HTTPResponse.Piece {
    fileprivate func slice(offset: Int64, count: Int64) -> HTTPResponse.Piece {
        switch self {
        case .bytes(let bytes): .bytes(Array(bytes[Int(offset)..<Int(offset + count)]))
        case .file(let file, let start, _): .file(file, offset: start + offset, count: count)
        }
    }
}
