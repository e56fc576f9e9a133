/// The header section of a request or response, checked.
package struct HTTPMessageHead: Equatable {
    /// The method of a request.
    package var method: String
    /// The target of a request, as sent.
    package var target: String
    /// The status of a response.
    package var status: Int
    /// The `x` of `HTTP/1.x`.
    package var minorVersion: Int
    /// Whether the peer means to go on after this message.
    package var keepsAlive: Bool
    /// The fields.
    package var fields: HTTPFields
    /// The announced length of the body.
    package var contentLength: Int?
    /// Whether the body comes in chunks.
    package var isChunked: Bool

    /// Checks the parts that http-parser found.
    init(
        kind: HTTPMessageParser.Kind,
        method: String,
        target: [UInt8],
        status: Int,
        minorVersion: Int,
        keepsAlive: Bool,
        fields: [(name: [UInt8], value: [UInt8])],
        fieldLimit: Int
    ) throws(HTTPMessageParser.Failure) {
        guard fields.count <= fieldLimit else { throw .tooManyFields }
        self.method = method
        self.target = String(decoding: target, as: UTF8.self)
        self.status = status
        self.minorVersion = minorVersion
        self.keepsAlive = keepsAlive
        self.fields = HTTPFields()
        for (name, value) in fields {
            guard !name.isEmpty, name.allSatisfy(Self.isTokenByte), value.allSatisfy(Self.isValueByte)
            else { throw .malformed }
            let lowered = name.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
            self.fields.append(
                String(decoding: lowered, as: UTF8.self),
                String(decoding: Self.trimmed(value), as: UTF8.self)
            )
        }
        contentLength = try Self.contentLength(in: self.fields)
        isChunked = try Self.isChunked(self.fields)
        guard contentLength == nil || !isChunked else { throw .ambiguousLength }
    }

    /// Checks what concerns one side only.
    func check(
        for kind: HTTPMessageParser.Kind,
        limits: HTTPMessageParser.Limits
    ) throws(HTTPMessageParser.Failure) {
        guard kind == .requests else { return }
        guard target.utf8.count <= limits.targetByteCount else { throw .targetTooLong }
        guard method != "CONNECT" else { throw .unsupportedMethod }
        let hosts = fields.values(of: "host").count
        guard hosts == 1 || (hosts == 0 && minorVersion == 0) else { throw .missingHost }
        guard contentLength ?? 0 <= limits.bodyByteCount else { throw .bodyTooLarge }
    }

    /// Whether a body follows the head of this request.
    var announcesBody: Bool { isChunked || contentLength ?? 0 > 0 }

    private static func contentLength(in fields: HTTPFields) throws(HTTPMessageParser.Failure) -> Int? {
        let values = fields.values(of: "content-length")
        guard let value = values.first else { return nil }
        let isNumber = !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard values.count == 1, isNumber, let length = Int(value) else { throw .ambiguousLength }
        return length
    }

    private static func isChunked(_ fields: HTTPFields) throws(HTTPMessageParser.Failure) -> Bool {
        let values = fields.values(of: "transfer-encoding")
        guard let value = values.first else { return false }
        guard values.count == 1, value.lowercased() == "chunked" else { throw .unsupportedTransferCoding }
        return true
    }

    private static func trimmed(_ value: [UInt8]) -> ArraySlice<UInt8> {
        var value = value[...]
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        return value
    }

    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
        default: false
        }
    }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        byte == 0x09 || (byte >= 0x20 && byte != 0x7f)
    }
}
