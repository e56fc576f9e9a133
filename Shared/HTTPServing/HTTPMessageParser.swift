import CHTTPParser

/// Cuts the bytes of one peer into HTTP/1.1 messages: bytes go in, events come out.
///
/// A header section is collected whole and checked strictly before http-parser sees it, because what two
/// implementations read differently is how requests are smuggled. Bodies are cut by ``HTTPBodyDecoder``.
@safe package final class HTTPMessageParser {
    /// Which side the peer is on.
    package enum Kind {
        case requests, responses
    }

    /// What has arrived.
    package enum Event: Equatable {
        /// A whole header section.
        case head(HTTPMessageHead)
        /// A piece of the body, never empty.
        case body([UInt8])
        /// The end of the message; nothing follows until ``beginNextMessage()``.
        case end
    }

    /// Why the peer cannot be understood.
    package enum Failure: Error, Equatable {
        case targetTooLong
        case headerTooLarge
        case tooManyFields
        case malformed
        case obsoleteFold
        case ambiguousLength
        case unsupportedVersion
        case unsupportedTransferCoding
        case unsupportedMethod
        case missingHost
        case bodyTooLarge
        case truncated
    }

    /// What a message may be at most.
    package struct Limits {
        package var targetByteCount = 8 << 10
        package var headerByteCount = 16 << 10
        package var fieldCount = 100
        package var bodyByteCount = Int.max

        package init() {}
    }

    private enum Phase {
        case head, complete
        case body(HTTPBodyDecoder)
    }

    /// The bytes of a message taken at once, which bounds the pieces of a body.
    private static let sliceByteCount = 64 << 10

    private let kind: Kind
    private let limits: Limits
    private let parser: UnsafeMutablePointer<http_parser>
    private var phase = Phase.head
    private var scanner = HeaderSectionScanner()
    private var pending: [UInt8] = []
    private var position = 0
    private var bodyByteCount = 0
    /// What came after the last good byte of a body, told once that has been delivered.
    private var bodyFailure: Failure?

    // Filled by the callbacks during one execution.
    private var target: [UInt8] = []
    private var fields: [(name: [UInt8], value: [UInt8])] = []
    private var head: HTTPMessageHead?
    private var failure: Failure?

    /// Whether the response to be parsed answers a `HEAD` request and so has no body.
    package var skipsBody = false

    package init(_ kind: Kind, limits: Limits) {
        self.kind = kind
        self.limits = limits
        // SAFETY: freed in `deinit`; initialised by `reset` before anything reads it.
        unsafe parser = .allocate(capacity: 1)
        reset()
    }

    deinit {
        unsafe parser.deallocate()
    }

    /// The bytes that have been given and not consumed.
    var pendingByteCount: Int { pending.count - position }

    /// Whether a header section has begun and is not complete.
    var isInsideHead: Bool {
        if case .head = phase { return pendingByteCount > 0 }
        return false
    }

    /// Adds bytes from the peer.
    package func append(_ bytes: UnsafeRawBufferPointer) {
        if position > 0 {
            pending.removeSubrange(..<position)
            position = 0
        }
        // SAFETY: the bytes are copied before the call returns.
        unsafe pending.append(contentsOf: bytes)
    }

    /// Takes what has not been consumed, for the protocol that follows an upgrade.
    func takeRest() -> [UInt8] {
        defer {
            pending = []
            position = 0
        }
        return Array(pending[position...])
    }

    /// The next event, or `nil` until more bytes come or the next message is begun.
    package func next() throws(Failure) -> Event? {
        switch phase {
        case .head: return try nextHead()
        case .body(let decoder): return try nextBody(decoder)
        case .complete: return nil
        }
    }

    /// Goes on to the message after the one that has ended.
    package func beginNextMessage() {
        reset()
    }

    /// Says that the peer will send no more.
    ///
    /// - Returns: `end` where that ends a response, `nil` where nothing was expected.
    /// - Throws: `truncated` in the middle of a message.
    package func finish() throws(Failure) -> Event? {
        switch phase {
        case .complete: return nil
        case .head:
            guard pendingByteCount == 0 else { throw .truncated }
            return nil
        case .body(let decoder):
            guard decoder.endsWithConnection else { throw .truncated }
            phase = .complete
            return .end
        }
    }

    // MARK: Parsing

    private func nextHead() throws(Failure) -> Event? {
        guard let end = try scanner.end(in: pending, from: &position, limits: limits) else { return nil }
        try execute(upTo: end)
        guard let head else { throw .malformed }
        try head.check(for: kind, limits: limits)
        self.head = nil
        phase = .body(HTTPBodyDecoder(head, kind: kind, hasNoBody: skipsBody))
        return .head(head)
    }

    private func nextBody(_ decoder: HTTPBodyDecoder) throws(Failure) -> Event? {
        if let bodyFailure { throw bodyFailure }
        var decoder = decoder
        var body: [UInt8] = []
        while body.isEmpty, !decoder.isComplete, pendingByteCount > 0 {
            let slice = pending[position..<min(pending.count, position + Self.sliceByteCount)]
            do {
                position += try decoder.decode(slice, into: &body)
            } catch {
                bodyFailure = error
                if body.isEmpty { throw error }
            }
        }
        phase = .body(decoder)
        if !body.isEmpty {
            guard body.count <= limits.bodyByteCount - bodyByteCount else { throw .bodyTooLarge }
            bodyByteCount += body.count
            return .body(body)
        }
        guard decoder.isComplete else { return nil }
        phase = .complete
        return .end
    }

    private func execute(upTo end: Int) throws(Failure) {
        let count = end - position
        unsafe pending.withUnsafeBytes { bytes in
            // SAFETY: `position` and `end` lie within the array, which http-parser only reads during the
            // call; the callbacks find this object, which outlives the call, behind `data`.
            unsafe parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
            let start = unsafe bytes.baseAddress?.advanced(by: position).assumingMemoryBound(to: CChar.self)
            _ = unsafe http_parser_execute(parser, ParserCallbacks.settings, start, count)
        }
        let start = position
        position = end
        if let failure { throw failure }
        // SAFETY: the parser is initialised as long as this object lives.
        let code = unsafe http_errno(UInt32(parser.pointee.http_errno))
        if code == HPE_OK || code == HPE_PAUSED { return }
        if code == HPE_INVALID_METHOD, beginsWithMethod(start) { throw .unsupportedMethod }
        throw Self.failure(of: code)
    }

    /// Whether the line at `start` begins with some method, known or not, and a space.
    private func beginsWithMethod(_ start: Int) -> Bool {
        let token = pending[start...].prefix { HTTPMessageHead.isTokenByte($0) }
        return !token.isEmpty && token.endIndex < pending.count
            && pending[token.endIndex] == UInt8(ascii: " ")
    }

    private func reset() {
        // SAFETY: the memory was allocated for one parser and is overwritten whole.
        unsafe http_parser_init(parser, kind == .requests ? HTTP_REQUEST : HTTP_RESPONSE)
        phase = .head
        scanner = HeaderSectionScanner()
        bodyByteCount = 0
        target = []
        fields = []
        head = nil
        bodyFailure = nil
        failure = nil
    }

    private static func failure(of code: http_errno) -> Failure {
        switch code {
        case HPE_HEADER_OVERFLOW: .headerTooLarge
        case HPE_INVALID_VERSION: .unsupportedVersion
        case HPE_UNEXPECTED_CONTENT_LENGTH, HPE_INVALID_CONTENT_LENGTH: .ambiguousLength
        case HPE_INVALID_TRANSFER_ENCODING: .unsupportedTransferCoding
        default: .malformed
        }
    }

    // MARK: Called by http-parser

    fileprivate func received(target bytes: UnsafeRawBufferPointer) {
        // SAFETY: the bytes are copied before the callback returns.
        unsafe target.append(contentsOf: bytes)
    }

    fileprivate func received(fieldName bytes: UnsafeRawBufferPointer) {
        // SAFETY: the bytes are copied before the callback returns.
        unsafe fields.append((Array(bytes), []))
    }

    fileprivate func received(fieldValue bytes: UnsafeRawBufferPointer) {
        guard !fields.isEmpty else { return }
        // SAFETY: the bytes are copied before the callback returns.
        unsafe fields[fields.count - 1].value.append(contentsOf: bytes)
    }

    fileprivate func completedHead() {
        // SAFETY: the parser is initialised as long as this object lives.
        let (status, method) = unsafe (Int(parser.pointee.status_code), parser.pointee.method)
        let (major, minor) = unsafe (parser.pointee.http_major, parser.pointee.http_minor)
        let keepsAlive = unsafe http_should_keep_alive(parser) != 0
        do {
            head = try HTTPMessageHead(
                kind: kind,
                method: kind == .requests ? Self.name(of: method) : "",
                target: target,
                status: status,
                minorVersion: Int(minor),
                keepsAlive: keepsAlive,
                fields: fields,
                fieldLimit: limits.fieldCount
            )
            if major != 1 { failure = .unsupportedVersion }
        } catch {
            failure = error
        }
        // An upgrade is decided by the server, not by the parser.
        unsafe parser.pointee.upgrade = 0
        // What follows is not http-parser's: as Debian builds it, it reads chunks leniently.
        unsafe http_parser_pause(parser, 1)
    }

    private static func name(of method: UInt32) -> String {
        // SAFETY: http-parser returns a constant string for each of its own method numbers.
        unsafe String(cString: http_method_str(http_method(method)))
    }
}

/// The C callbacks, which find the parser object behind `data`.
private enum ParserCallbacks {
    // SAFETY: written once, before first use, and only read afterwards.
    nonisolated(unsafe) static let settings: UnsafeMutablePointer<http_parser_settings> = {
        let settings = UnsafeMutablePointer<http_parser_settings>.allocate(capacity: 1)
        unsafe http_parser_settings_init(settings)
        unsafe settings.pointee.on_url = { parser, text, count in
            unsafe ParserCallbacks.object(parser)?.received(
                target: UnsafeRawBufferPointer(start: text, count: count)
            )
            return 0
        }
        unsafe settings.pointee.on_header_field = { parser, text, count in
            unsafe ParserCallbacks.object(parser)?.received(
                fieldName: UnsafeRawBufferPointer(start: text, count: count)
            )
            return 0
        }
        unsafe settings.pointee.on_header_value = { parser, text, count in
            unsafe ParserCallbacks.object(parser)?.received(
                fieldValue: UnsafeRawBufferPointer(start: text, count: count)
            )
            return 0
        }
        unsafe settings.pointee.on_headers_complete = { parser in
            unsafe ParserCallbacks.object(parser)?.completedHead()
            return 1
        }
        return unsafe settings
    }()

    private static func object(_ parser: UnsafeMutablePointer<http_parser>?) -> HTTPMessageParser? {
        // SAFETY: `data` is set to a living object right before each execution.
        guard let data = unsafe parser?.pointee.data else { return nil }
        return unsafe Unmanaged<HTTPMessageParser>.fromOpaque(data).takeUnretainedValue()
    }
}
