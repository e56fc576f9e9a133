/// Finds where the body of one message ends, and takes its framing off.
struct HTTPBodyDecoder {
    private enum Framing {
        case counted(left: Int)
        case chunked(ChunkedDecoder)
        case untilEnd
    }

    private var framing: Framing

    /// Creates a decoder for the message that begins with `head`.
    ///
    /// - Parameter hasNoBody: Whether there is none whatever the head says, as in the answer to `HEAD`.
    init(_ head: HTTPMessageHead, kind: HTTPMessageParser.Kind, hasNoBody: Bool) {
        let isBodiless = kind == .responses && (head.status < 200 || head.status == 204 || head.status == 304)
        framing =
            if hasNoBody || isBodiless {
                .counted(left: 0)
            } else if head.isChunked {
                .chunked(ChunkedDecoder())
            } else if let length = head.contentLength {
                .counted(left: length)
            } else {
                kind == .requests ? .counted(left: 0) : .untilEnd
            }
    }

    /// Whether the body is complete.
    var isComplete: Bool {
        switch framing {
        case .counted(let left): left == 0
        case .chunked(let decoder): decoder.isComplete
        case .untilEnd: false
        }
    }

    /// Whether the end of the connection ends the body.
    var endsWithConnection: Bool {
        if case .untilEnd = framing { return true }
        return false
    }

    /// Takes bytes of the message from `bytes` and adds those of the body to `body`.
    ///
    /// - Returns: how many bytes were taken.
    mutating func decode(
        _ bytes: ArraySlice<UInt8>,
        into body: inout [UInt8]
    ) throws(HTTPMessageParser.Failure) -> Int {
        switch framing {
        case .counted(let left):
            let count = min(left, bytes.count)
            body += bytes.prefix(count)
            framing = .counted(left: left - count)
            return count
        case .chunked(var decoder):
            defer { framing = .chunked(decoder) }
            return try decoder.decode(bytes, into: &body)
        case .untilEnd:
            body += bytes
            return bytes.count
        }
    }
}

/// The chunked transfer coding (RFC 9112 §7.1), read strictly; extensions and trailers are skipped.
struct ChunkedDecoder {
    private enum State {
        case sizeDigit, sizeEnd, data, dataReturn, dataFeed, trailer, complete
    }

    /// The bytes of one size line with its extensions, and of all trailers together.
    private static let maximumLineByteCount = 4096
    /// More digits than any chunk's size needs.
    private static let maximumDigitCount = 15

    private var state = State.sizeDigit
    private var left = 0
    private var digitCount = 0
    private var lineByteCount = 0
    private var trailerByteCount = 0
    private var followsCarriageReturn = false

    /// Whether the last chunk and the trailers have been read.
    var isComplete: Bool { state == .complete }

    mutating func decode(
        _ bytes: ArraySlice<UInt8>,
        into body: inout [UInt8]
    ) throws(HTTPMessageParser.Failure) -> Int {
        var position = bytes.startIndex
        while position < bytes.endIndex, state != .complete {
            if state == .data {
                let count = min(left, bytes.endIndex - position)
                body += bytes[position..<position + count]
                position += count
                left -= count
                if left == 0 { state = .dataReturn }
            } else {
                try take(bytes[position])
                position += 1
            }
        }
        return position - bytes.startIndex
    }

    private mutating func take(_ byte: UInt8) throws(HTTPMessageParser.Failure) {
        switch state {
        case .sizeDigit: try takeSize(byte)
        case .sizeEnd:
            if try endsLine(byte) { beginData() }
        case .dataReturn:
            guard byte == UInt8(ascii: "\r") else { throw .malformed }
            state = .dataFeed
        case .dataFeed:
            guard byte == UInt8(ascii: "\n") else { throw .malformed }
            state = .sizeDigit
        case .trailer: try takeTrailer(byte)
        case .data, .complete: return
        }
    }

    private mutating func takeSize(_ byte: UInt8) throws(HTTPMessageParser.Failure) {
        if let digit = Self.value(ofDigit: byte) {
            digitCount += 1
            guard digitCount <= Self.maximumDigitCount else { throw .malformed }
            left = left << 4 | digit
        } else {
            guard digitCount > 0, [0x20, 0x09, 0x3b, 0x0d].contains(byte) else { throw .malformed }
            state = .sizeEnd
            lineByteCount = 0
            _ = try endsLine(byte)
        }
    }

    private mutating func beginData() {
        state = left == 0 ? .trailer : .data
        digitCount = 0
        lineByteCount = 0
    }

    private mutating func takeTrailer(_ byte: UInt8) throws(HTTPMessageParser.Failure) {
        trailerByteCount += 1
        guard trailerByteCount <= Self.maximumLineByteCount else { throw .headerTooLarge }
        guard try endsLine(byte) else { return }
        if lineByteCount == 2 { state = .complete }
        lineByteCount = 0
    }

    /// Whether `byte` ends a line, which a carriage return and a line feed do only together.
    private mutating func endsLine(_ byte: UInt8) throws(HTTPMessageParser.Failure) -> Bool {
        lineByteCount += 1
        guard lineByteCount <= Self.maximumLineByteCount else { throw .headerTooLarge }
        guard followsCarriageReturn == (byte == UInt8(ascii: "\n")), byte != 0 else { throw .malformed }
        followsCarriageReturn = byte == UInt8(ascii: "\r")
        return byte == UInt8(ascii: "\n")
    }

    private static func value(ofDigit byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30
        case 0x41...0x46: Int(byte) - 0x41 + 10
        case 0x61...0x66: Int(byte) - 0x61 + 10
        default: nil
        }
    }
}
