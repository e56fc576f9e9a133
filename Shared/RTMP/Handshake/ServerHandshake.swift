internal import Bytes

/// The server side of the RTMP handshake, as a value that never touches a socket.
///
/// It speaks the plain handshake only. Clients that sign their first packet take a plain answer too, because
/// the four zero bytes in S1 say that the server signs nothing. What C2 holds is not looked at: several
/// encoders do not echo.
public struct ServerHandshake: Sendable {
    /// What one input led to.
    public struct Step: Equatable, Sendable {
        /// How many of the bytes belonged to the handshake.
        public var consumed: Int
        /// What the caller must do, in order.
        public var actions: [Action]
    }

    /// What the caller must do.
    public enum Action: Equatable, Sendable {
        /// Send these bytes.
        case send([UInt8])
        /// The handshake is over; the next byte begins the first chunk.
        case finish
        /// Close the connection for this reason.
        case close(Failure)
    }

    /// The ways a peer can break the handshake.
    public enum Failure: Error, Equatable, Sendable {
        case unsupportedVersion(UInt8)
    }

    private enum State: Equatable {
        case awaitingC0
        case awaitingC1
        case awaitingC2(missing: Int)
        case finished
        case failed
    }

    /// The size of C1, S1, C2 and S2.
    public static let packetByteCount = 1536
    /// The size of the random part of S1.
    public static let nonceByteCount = 1528

    private var state = State.awaitingC0
    private var c1: [UInt8] = []
    private let nonce: [UInt8]

    /// Creates a handshake that puts `nonce` into S1.
    ///
    /// - Precondition: `nonce` holds exactly ``nonceByteCount`` bytes.
    public init(nonce: [UInt8]) {
        precondition(nonce.count == Self.nonceByteCount)
        self.nonce = nonce
    }

    /// Whether the next byte begins a chunk.
    public var isFinished: Bool { state == .finished }

    /// Feeds what the peer sent; bytes behind the handshake are left alone.
    public mutating func receive(_ bytes: Span<UInt8>) -> Step {
        var step = Step(consumed: 0, actions: [])
        while step.consumed < bytes.count, state != .finished, state != .failed {
            advance(bytes, &step)
        }
        return step
    }

    private mutating func advance(_ bytes: Span<UInt8>, _ step: inout Step) {
        switch state {
        case .awaitingC0:
            checkVersion(bytes[step.consumed], &step)
        case .awaitingC1:
            collectC1(bytes, &step)
        case .awaitingC2(let missing):
            let count = min(missing, bytes.count - step.consumed)
            step.consumed += count
            state = count == missing ? .finished : .awaitingC2(missing: missing - count)
            if state == .finished { step.actions.append(.finish) }
        case .finished, .failed:
            break
        }
    }

    private mutating func checkVersion(_ version: UInt8, _ step: inout Step) {
        step.consumed += 1
        if version == 3 {
            state = .awaitingC1
        } else {
            state = .failed
            step.actions.append(.close(.unsupportedVersion(version)))
        }
    }

    private mutating func collectC1(_ bytes: Span<UInt8>, _ step: inout Step) {
        let count = min(Self.packetByteCount - c1.count, bytes.count - step.consumed)
        c1.append(copying: bytes.extracting(step.consumed..<step.consumed + count))
        step.consumed += count
        guard c1.count == Self.packetByteCount else { return }
        state = .awaitingC2(missing: Self.packetByteCount)
        step.actions.append(.send(answer()))
        c1 = []
    }

    private func answer() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 1 + 2 * Self.packetByteCount)
        writer.write(UInt8(3))
        writer.writeZeros(8)
        writer.write(contentsOf: nonce)
        // S2 is C1 with the time at which it was read in bytes 4–7; the same zero that S1 gave.
        writer.write(contentsOf: c1.prefix(4))
        writer.writeZeros(4)
        writer.write(contentsOf: c1.dropFirst(8))
        return writer.bytes
    }
}
