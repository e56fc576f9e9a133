internal import Bytes

/// The client side of the plain RTMP handshake.
public struct ClientHandshake: Sendable {
    /// What one input led to.
    public struct Step: Equatable, Sendable {
        /// How many of the bytes belonged to the handshake.
        public var consumed: Int
        /// What the caller must do, in order.
        public var actions: [ServerHandshake.Action]
    }

    private let nonce: [UInt8]
    private var received: [UInt8] = []
    private var missingS2 = ServerHandshake.packetByteCount
    private var hasAnswered = false
    private var hasFailed = false

    /// Creates a handshake that puts `nonce` into C1.
    ///
    /// - Precondition: `nonce` holds exactly ``ServerHandshake/nonceByteCount`` bytes.
    public init(nonce: [UInt8]) {
        precondition(nonce.count == ServerHandshake.nonceByteCount)
        self.nonce = nonce
    }

    /// Whether the next byte begins a chunk.
    public var isFinished: Bool { hasAnswered && missingS2 == 0 }

    /// C0 and C1, which open the conversation.
    public func start() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 1 + ServerHandshake.packetByteCount)
        writer.write(UInt8(3))
        writer.writeZeros(8)
        writer.write(contentsOf: nonce)
        return writer.bytes
    }

    /// Feeds what the server sent; bytes behind the handshake are left alone.
    public mutating func receive(_ bytes: Span<UInt8>) -> Step {
        var step = Step(consumed: 0, actions: [])
        guard !hasFailed, !isFinished else { return step }
        collectS0S1(bytes, &step)
        guard hasAnswered else { return step }
        let count = min(missingS2, bytes.count - step.consumed)
        missingS2 -= count
        step.consumed += count
        if missingS2 == 0 { step.actions.append(.finish) }
        return step
    }

    private mutating func collectS0S1(_ bytes: Span<UInt8>, _ step: inout Step) {
        guard !hasAnswered else { return }
        let count = min(1 + ServerHandshake.packetByteCount - received.count, bytes.count)
        received.append(copying: bytes.extracting(0..<count))
        step.consumed = count
        if let version = received.first, version != 3 {
            hasFailed = true
            step.actions.append(.close(.unsupportedVersion(version)))
        } else if received.count == 1 + ServerHandshake.packetByteCount {
            hasAnswered = true
            step.actions.append(.send(Array(received.dropFirst())))
        }
    }
}
