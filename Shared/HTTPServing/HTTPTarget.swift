/// The target of a request, cut at its query and decoded with suspicion.
package struct HTTPTarget: Equatable {
    /// Why a target is refused.
    package enum Failure: Error, Equatable {
        case malformed
    }

    /// More segments than any route has.
    static let maximumSegmentCount = 32

    /// The path as sent.
    package let path: String
    /// The raw query, without the question mark.
    package let rawQuery: Substring

    /// Cuts the origin-form or absolute-form `target`.
    package init(_ target: String) {
        var rest = Substring(target.prefix { $0 != "#" })
        if !rest.hasPrefix("/"), let scheme = rest.utf8.firstRange(of: "://".utf8) {
            let authority = rest[scheme.upperBound...]
            rest = authority.utf8.firstIndex(of: UInt8(ascii: "/")).map { authority[$0...] } ?? "/"
        }
        let cut = rest.utf8.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        path = String(rest[..<cut])
        rawQuery = cut == rest.endIndex ? "" : rest[rest.index(after: cut)...]
    }

    /// The decoded pairs of the query.
    package func query() throws(Failure) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in rawQuery.split(separator: "&") {
            let cut = pair.firstIndex(of: "=") ?? pair.endIndex
            let value = cut == pair.endIndex ? "" : pair[pair.index(after: cut)...]
            pairs.append(
                (try Self.decode(pair[..<cut], plusIsSpace: true), try Self.decode(value, plusIsSpace: true))
            )
        }
        return pairs
    }

    /// The decoded segments of `path`; `/` has none.
    ///
    /// - Throws: where a segment is `.` or `..`, holds an encoded `/` or zero byte, or is badly encoded.
    package static func segments(of path: String) throws(Failure) -> [String] {
        guard path.hasPrefix("/") else { throw .malformed }
        guard path != "/" else { return [] }
        var segments: [String] = []
        for raw in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let segment = try decode(raw, plusIsSpace: false)
            let isSafe =
                segment != "." && segment != ".."
                && !segment.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
            guard isSafe, segments.count < maximumSegmentCount else { throw .malformed }
            segments.append(segment)
        }
        return segments
    }

    /// Decodes percent-encoding.
    ///
    /// - Throws: for an incomplete escape or bytes that are not UTF-8.
    static func decode(_ text: Substring, plusIsSpace: Bool) throws(Failure) -> String {
        var bytes: [UInt8] = []
        var digits = text.utf8.makeIterator()
        while let byte = digits.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = digits.next().flatMap(hexadecimal),
                    let low = digits.next().flatMap(hexadecimal)
                else { throw .malformed }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        return decoded
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
