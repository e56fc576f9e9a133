import Glibc
public import Sockets

/// A file that is open for reading, shared by all responses that send from it, closed after the last.
public final class OpenFile: Sendable {
    private let descriptor: FileDescriptor
    /// The number of bytes when it was opened.
    public let size: Int64
    /// A strong validator made of identity, size and time of change, in quotes.
    public let entityTag: String

    /// The number the kernel knows it by, valid as long as this object lives.
    public var rawDescriptor: CInt { descriptor.rawValue }

    /// Opens a regular file.
    ///
    /// - Throws: ``SystemCallError`` where it does not exist, may not be read or is no regular file.
    public convenience init(path: String) throws(SystemCallError) {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", code: errno) }
        try self.init(owning: FileDescriptor(owning: descriptor))
    }

    /// Takes over an open descriptor of a regular file.
    public init(owning descriptor: consuming FileDescriptor) throws(SystemCallError) {
        var status = stat()
        // SAFETY: the kernel fills a local variable before the call returns.
        let result = unsafe fstat(descriptor.rawValue, &status)
        guard result == 0 else { throw SystemCallError(call: "fstat", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemCallError(call: "open", code: EISDIR) }
        self.descriptor = descriptor
        size = Int64(status.st_size)
        let nanoseconds =
            UInt64(bitPattern: Int64(status.st_mtim.tv_sec)) &* 1_000_000_000
            &+ UInt64(bitPattern: Int64(status.st_mtim.tv_nsec))
        entityTag =
            "\""
            + [UInt64(status.st_ino), UInt64(bitPattern: size), nanoseconds]
            .map { String($0, radix: 36) }.joined(separator: "-") + "\""
    }

    /// The whole file as the pieces of a response.
    public var whole: [HTTPResponse.Piece] { [.file(self, offset: 0, count: size)] }
}
