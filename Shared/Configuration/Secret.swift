import Glibc

/// A text that no log may show.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// More bytes than any secret has.
    private static let maximumByteCount = 64 << 10

    private let text: String

    /// Creates a secret from its text.
    public init(_ text: String) {
        self.text = text
    }

    /// Reads a file, without the line feed that editors put at its end.
    ///
    /// - Throws: ``ConfigurationError`` where it cannot be read, is empty or is no UTF-8.
    public init(contentsOfFile path: String) throws(ConfigurationError) {
        guard let bytes = Self.read(path), let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(problems: [.init(variable: path, expected: "a readable file")])
        }
        let end = text.lastIndex { $0 != "\n" && $0 != "\r\n" && $0 != "\r" }
        guard let end else {
            throw ConfigurationError(problems: [.init(variable: path, expected: "a file that is not empty")])
        }
        self.text = String(text[...end])
    }

    /// The text itself, for the one place that needs it.
    public func reveal() -> String { text }

    /// Never the text.
    public var description: String { "<redacted>" }

    /// Never the text.
    public var debugDescription: String { "<redacted>" }

    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func read(_ path: String) -> [UInt8]? {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount)
        // SAFETY: the kernel writes at most as many bytes as the array holds.
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
