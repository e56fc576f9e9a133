/// What can stand as an argument of a command.
public protocol RedisArgument: Sendable {
    /// Adds the argument to `command`.
    func append(to command: inout RedisCommand)
}

/// One command in the form that goes over the wire; binary safe.
///
/// Subscriptions and MONITOR are not commands in this sense: they have no single reply.
public struct RedisCommand: Sendable, Equatable {
    /// The bytes for the wire.
    public private(set) var bytes: [UInt8] = []

    /// Creates a command of its words.
    public init(_ arguments: any RedisArgument...) {
        self.init(arguments: arguments)
    }

    /// Creates a command of its words.
    public init(arguments: [any RedisArgument]) {
        self.init(argumentCount: arguments.count)
        for argument in arguments { argument.append(to: &self) }
    }

    /// Creates a command that `argumentCount` arguments must be appended to.
    public init(argumentCount: Int, reservingCapacity capacity: Int = 64) {
        bytes.reserveCapacity(capacity)
        appendLine(0x2a, argumentCount)
    }

    /// Adds an argument from UTF-8.
    public mutating func append(_ text: some StringProtocol) {
        appendLine(0x24, text.utf8.count)
        bytes.append(contentsOf: text.utf8)
        appendNewline()
    }

    /// Adds an argument from bytes.
    public mutating func append(_ argument: [UInt8]) {
        appendLine(0x24, argument.count)
        bytes.append(contentsOf: argument)
        appendNewline()
    }

    /// Adds an argument of exactly `byteCount` bytes that `write` appends in place, without a copy.
    ///
    /// - Precondition: `write` appends as many bytes as it said.
    public mutating func append(byteCount: Int, _ write: (inout [UInt8]) -> Void) {
        appendLine(0x24, byteCount)
        let end = bytes.count + byteCount
        write(&bytes)
        precondition(bytes.count == end, "an argument of another length than announced")
        appendNewline()
    }

    private mutating func appendLine(_ type: UInt8, _ count: Int) {
        bytes.append(type)
        appendDecimal(count)
        appendNewline()
    }

    /// Adds the digits of a count, which is never negative, without making a text of them.
    private mutating func appendDecimal(_ count: Int) {
        var divisor = 1
        while count / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + count / divisor % 10))
            divisor /= 10
        }
    }

    private mutating func appendNewline() {
        bytes.append(0x0d)
        bytes.append(0x0a)
    }
}

extension String: RedisArgument {
    /// Adds the text as UTF-8.
    public func append(to command: inout RedisCommand) { command.append(self) }
}

extension Substring: RedisArgument {
    /// Adds the text as UTF-8.
    public func append(to command: inout RedisCommand) { command.append(self) }
}

extension Array: RedisArgument where Element == UInt8 {
    /// Adds the bytes as they are.
    public func append(to command: inout RedisCommand) { command.append(self) }
}

extension RedisArgument where Self: BinaryInteger {
    /// Adds the number in decimal.
    public func append(to command: inout RedisCommand) { command.append(String(self)) }
}

extension Int: RedisArgument {}
extension Int64: RedisArgument {}
extension UInt64: RedisArgument {}
extension UInt32: RedisArgument {}

extension Double: RedisArgument {
    /// Adds the number in its shortest exact form.
    public func append(to command: inout RedisCommand) { command.append(description) }
}
