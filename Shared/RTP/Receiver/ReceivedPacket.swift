/// One packet of a stream, copied out of the datagram it came in.
public struct ReceivedPacket: Sendable, Equatable {
    /// Its number, which never wraps.
    public var sequence: Int64
    /// Its time, which never wraps, in the clock rate of the payload.
    public var timestamp: Int64
    /// Whether it ends an access unit.
    public var hasMarker: Bool
    /// The number of the payload's format.
    public var payloadType: UInt8
    /// When it came, in nanoseconds of the receiver's clock.
    public var arrival: UInt64
    /// The payload; empty in a packet of padding alone.
    public var payload: [UInt8]

    /// Creates a packet.
    public init(
        sequence: Int64,
        timestamp: Int64,
        hasMarker: Bool,
        payloadType: UInt8,
        arrival: UInt64,
        payload: [UInt8]
    ) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.hasMarker = hasMarker
        self.payloadType = payloadType
        self.arrival = arrival
        self.payload = payload
    }
}
