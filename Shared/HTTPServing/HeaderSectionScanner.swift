/// Finds the end of a header section, refusing what lenient parsers read in more than one way: bare line
/// feeds and carriage returns, zero bytes and folded lines.
struct HeaderSectionScanner {
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")

    private var scanned = 0
    private var lineCount = 0
    private var lineByteCount = 0
    private var followsCarriageReturn = false

    /// The index after the empty line that ends the section which begins at `start`.
    ///
    /// Empty lines before the section are skipped by moving `start`.
    ///
    /// - Returns: `nil` until the whole section is there; `bytes` must then only grow.
    mutating func end(
        in bytes: [UInt8],
        from start: inout Int,
        limits: HTTPMessageParser.Limits
    ) throws(HTTPMessageParser.Failure) -> Int? {
        while start + scanned < bytes.count {
            let byte = bytes[start + scanned]
            scanned += 1
            guard scanned <= limits.headerByteCount else {
                throw lineCount == 0 ? .targetTooLong : .headerTooLarge
            }
            switch byte {
            case Self.lineFeed:
                guard followsCarriageReturn else { throw .malformed }
                followsCarriageReturn = false
                if lineByteCount == 0 {
                    if lineCount > 0 { return start + scanned }
                    start += scanned
                    scanned = 0
                } else {
                    lineCount += 1
                    lineByteCount = 0
                }
            case Self.carriageReturn:
                guard !followsCarriageReturn else { throw .malformed }
                followsCarriageReturn = true
            default:
                guard !followsCarriageReturn, byte != 0 else { throw .malformed }
                let isBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
                if lineByteCount == 0, isBlank { throw .obsoleteFold }
                lineByteCount += 1
            }
        }
        return nil
    }
}
