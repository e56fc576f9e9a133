/// A remote procedure call, its result, or a status.
public struct Command: Sendable, Equatable {
    /// What is called, or `_result`, `_error`, `onStatus`.
    public var name: String
    /// The number that ties a result to its call; 0 wants no result.
    public var transactionID: Double
    /// The command object, which is often null, and what follows it.
    public var arguments: [AMF0Value]

    /// Creates a command.
    public init(_ name: String, transactionID: Double = 0, arguments: [AMF0Value]) {
        self.name = name
        self.transactionID = transactionID
        self.arguments = arguments
    }

    /// Understands the values of a message, or returns `nil` where no name leads them.
    init?(_ values: [AMF0Value]) {
        guard let name = values.first?.string else { return nil }
        self.name = name
        transactionID = values.dropFirst().first?.number ?? 0
        arguments = Array(values.dropFirst(2))
    }

    /// The values of the message.
    var values: [AMF0Value] { [.string(name), .number(transactionID)] + arguments }

    /// The argument at `index`, the command object being 0.
    func argument(_ index: Int) -> AMF0Value? {
        arguments.indices.contains(index) ? arguments[index] : nil
    }
}
