import RTP

/// The packets of one access unit or audio frame: cut once, then shared by all viewers on all loops.
final class PacketBlock: Sendable {
    /// Counts the blocks of its track in the feed, without holes.
    let frame: UInt64
    /// The number of its first packet among those of its track, without holes.
    let firstPacket: UInt64
    /// The presentation time in the clock of the track's RTP timestamps.
    let timestamp: Int64
    /// The presentation time on the session's timeline, in nanoseconds.
    let mediaTime: Int64
    /// Whether decoding can begin here.
    let isKeyframe: Bool
    /// When it came from the bus, in monotonic nanoseconds.
    let arrival: UInt64
    /// When it was captured, in NTP's format, where its last packet tells.
    let captureTime: UInt64?
    /// The payloads; the last carries the marker.
    let payloads: PayloadRun
    /// The bytes at the end of each payload that are padding; empty where none has any.
    private let paddings: [UInt8]
    /// The packets of sound that its one packet was made of; empty where it was made of none.
    let parts: [PacketBlock]

    init(
        frame: UInt64,
        firstPacket: UInt64,
        timestamp: Int64,
        mediaTime: Int64,
        isKeyframe: Bool,
        arrival: UInt64,
        captureTime: UInt64? = nil,
        payloads: PayloadRun,
        paddings: [UInt8] = [],
        parts: [PacketBlock] = []
    ) {
        self.frame = frame
        self.firstPacket = firstPacket
        self.timestamp = timestamp
        self.mediaTime = mediaTime
        self.isKeyframe = isKeyframe
        self.arrival = arrival
        self.captureTime = captureTime
        self.payloads = payloads
        self.paddings = paddings
        self.parts = parts
    }

    /// The same with its time of capture, where it tells one, by `timeline`, where that knows it.
    func timed(by timeline: SessionTimeline) -> PacketBlock {
        guard captureTime != nil, let wallClock = timeline.wallClock(at: mediaTime) else { return self }
        return PacketBlock(
            frame: frame,
            firstPacket: firstPacket,
            timestamp: timestamp,
            mediaTime: mediaTime,
            isKeyframe: isKeyframe,
            arrival: arrival,
            captureTime: NTPClock.time(wallClock),
            payloads: payloads,
            paddings: paddings,
            parts: parts
        )
    }

    var packetCount: Int { payloads.count }
    var byteCount: Int { payloads.bytes.count }
    /// The bytes at the end of a payload that are padding.
    func paddingByteCount(_ index: Int) -> Int { paddings.isEmpty ? 0 : Int(paddings[index]) }
    /// The number of the packet after its last.
    var endPacket: UInt64 { firstPacket &+ UInt64(packetCount) }
}
