import Glibc

/// An open descriptor with one owner, closed when the owner lets go of it.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number the kernel knows it by.
    public let rawValue: CInt

    /// Takes ownership of `rawValue`.
    public init(owning rawValue: CInt) {
        self.rawValue = rawValue
    }

    deinit {
        close(rawValue)
    }

    /// Gives up ownership without closing.
    public consuming func release() -> CInt {
        let rawValue = rawValue
        discard self
        return rawValue
    }
}

/// A system call that failed.
public struct SystemCallError: Error, Equatable, CustomStringConvertible {
    /// The name of the call.
    public var call: String
    /// The value of `errno` right after it.
    public var code: CInt

    /// Creates an error from a call's name and `errno`.
    public init(call: String, code: CInt) {
        self.call = call
        self.code = code
    }

    /// The call and the system's text for the code.
    public var description: String {
        // SAFETY: strerror returns a valid string for every code; it is copied at once.
        unsafe "\(call): \(String(cString: strerror(code)))"
    }
}

/// Runs a C call, repeating it when a signal interrupts it.
@inline(__always)
package func retrying(
    _ call: StaticString,
    _ body: () -> Int
) throws(SystemCallError) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        guard code == EINTR else { throw SystemCallError(call: call.description, code: code) }
    }
}
