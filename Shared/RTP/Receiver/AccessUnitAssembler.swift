public import Media

/// One access unit or audio frame, put together from packets.
public struct AccessUnit: Sendable, Equatable {
    /// The coded bytes in the form of the bus: length-prefixed NAL units (parameter sets among them), AV1 units
    /// with sizes, or the frame itself.
    public var payload: [UInt8]
    /// The time in the clock rate of the payload, without wraps.
    public var timestamp: Int64
    /// Whether decoding can begin here.
    public var isKeyframe: Bool
    /// Whether it brings parameter sets that differ from those before.
    public var changesParameterSets: Bool
    /// Whether something between the unit before and this one was lost.
    public var followsLoss: Bool
    /// When its last packet came, in nanoseconds.
    public var arrival: UInt64
}

/// Makes access units of packets that come in order: those of one timestamp, up to the marker.
public struct AccessUnitAssembler: Sendable {
    /// Units that were thrown away because a packet was lost or made no sense.
    public private(set) var brokenCount: UInt64 = 0
    /// The last reason why a unit was thrown away, other than loss.
    public private(set) var lastFailure: PayloadFailure?

    private let codec: Codec
    private var depacketiser: Depacketiser
    private var ready: [AccessUnit] = []
    private var timestamp: Int64?
    private var arrival: UInt64 = 0
    private var isBroken = false
    private var followsLoss = false
    /// Whether the beginning of the next unit may be missing, as where the stream begins.
    private var hasGap = true
    private var parameterSets: [UInt8] = []

    /// Creates an assembler, or returns `nil` for a coding that has no depacketiser.
    public init?(_ codec: Codec) {
        guard let depacketiser = Depacketiser(codec) else { return nil }
        self.codec = codec
        self.depacketiser = depacketiser
    }

    /// Takes in what the receiver delivers.
    public mutating func add(_ delivery: PacketReceiver.Delivery) {
        switch delivery {
        case .packet(let packet): add(packet)
        case .lost: lose()
        case .restarted:
            lose()
            timestamp = nil
            isBroken = false
            depacketiser.reset()
        }
    }

    /// Returns the next access unit that is complete.
    public mutating func next() -> AccessUnit? {
        ready.isEmpty ? nil : ready.removeFirst()
    }

    /// Adds the next packet in order.
    public mutating func add(_ packet: ReceivedPacket) {
        // Padding alone belongs to no access unit.
        guard !packet.payload.isEmpty else { return }
        if packet.timestamp != timestamp { begin(packet) }
        hasGap = false
        arrival = max(arrival, packet.arrival)
        if !isBroken { addPayload(packet.payload.span) }
        if packet.hasMarker || !codec.isVideo { finish() }
    }

    private mutating func begin(_ packet: ReceivedPacket) {
        if timestamp != nil { finish() }
        timestamp = packet.timestamp
        arrival = packet.arrival
        // What was lost just before may have been the beginning of this unit.
        isBroken = hasGap && !depacketiser.canBegin(with: packet.payload.span)
    }

    private mutating func addPayload(_ payload: Span<UInt8>) {
        do throws(PayloadFailure) {
            try depacketiser.add(payload)
        } catch {
            lastFailure = error
            isBroken = true
        }
    }

    /// Notes that packets are missing before the next.
    public mutating func lose() {
        hasGap = true
        followsLoss = true
        if timestamp != nil { isBroken = true }
    }

    private mutating func finish() {
        guard let timestamp else { return }
        self.timestamp = nil
        guard !isBroken, let payload = takePayload() else {
            depacketiser.reset()
            isBroken = false
            followsLoss = true
            brokenCount += 1
            return
        }
        guard !payload.isEmpty else { return }
        let contents = UnitContents(of: payload.span, codec)
        let changes = !contents.parameterSets.isEmpty && contents.parameterSets != parameterSets
        if changes { parameterSets = contents.parameterSets }
        ready.append(
            AccessUnit(
                payload: payload,
                timestamp: timestamp,
                isKeyframe: contents.isKeyframe,
                changesParameterSets: changes,
                followsLoss: followsLoss,
                arrival: arrival
            )
        )
        followsLoss = false
    }

    private mutating func takePayload() -> [UInt8]? {
        do throws(PayloadFailure) {
            return try depacketiser.takeAccessUnit()
        } catch {
            lastFailure = error
            return nil
        }
    }
}
