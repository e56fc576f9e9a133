import Media
import RTMP
import RTP
import SDP

/// One source of a publisher by WebRTC: packets in any order in, frames on the shared clock out.
struct IncomingTrack {
    /// A keyframe is asked for when none has come for so long, so that segments can begin.
    static let keyframeInterval: UInt64 = 2_000_000_000
    /// The shortest time between two requests for a keyframe.
    static let requestInterval: UInt64 = 500_000_000
    /// The shortest time between two requests that readers bring about.
    static let askInterval: UInt64 = 1_000_000_000
    /// How long nothing has come of a source that counts as silent: it is asked for nothing.
    static let silence: UInt64 = 1_000_000_000

    /// What the source carries.
    let codec: Codec
    /// The payload type of the media.
    let payloadType: UInt8
    /// The payload type of retransmissions.
    let repairPayloadType: UInt8?
    /// The tag of the section.
    let mid: String?
    /// The name of the layer (RFC 8851), where the section has several.
    let rid: String?
    /// The place of the layer among those that were announced.
    let layer: Int?
    /// The source, once it is known.
    var ssrc: UInt32?
    /// The source of retransmissions, once it is known.
    var repairSSRC: UInt32?
    /// Whether lost packets may be asked for.
    let asksForPackets: Bool
    /// Whether keyframes may be asked for.
    let asksForKeyframes: Bool

    private(set) var receiver: PacketReceiver
    private var assembler: AccessUnitAssembler
    private var clock: MediaClock
    private var keyframes = KeyframeRequests(interval: requestInterval)
    private var asks = KeyframeRequests(interval: askInterval)
    private var needsKeyframe = true
    private var lastKeyframe: UInt64?
    private var lastArrival: UInt64?
    private var lastDecodeTime: Int64?
    /// Frames that were thrown away because those they refer to are missing.
    private(set) var undecodableCount: UInt64 = 0

    /// Creates the tracks of a section: one for each layer, none where it carries nothing that is read.
    static func all(of media: NegotiatedMedia) -> [IncomingTrack] {
        if media.layers.isEmpty { return IncomingTrack(media).map { [$0] } ?? [] }
        return media.layers.indices.compactMap { IncomingTrack(media, layer: $0) }
    }

    /// Creates the track of a section, or returns `nil` where it carries nothing that is read.
    private init?(_ media: NegotiatedMedia, layer: Int? = nil) {
        guard media.isActive, let format = media.codec, let codec = format.codec else { return nil }
        guard let assembler = AccessUnitAssembler(codec) else { return nil }
        self.codec = codec
        self.assembler = assembler
        payloadType = format.payloadType
        repairPayloadType = media.retransmissionPayloadType
        mid = media.offer.mid
        self.layer = layer
        rid = layer.map { media.layers[$0] }
        ssrc = layer == nil ? media.offer.ssrcs.first : nil
        repairSSRC = ssrc.flatMap { media.offer.retransmissionSSRCs[$0] }
        asksForPackets = media.feedback.contains(Feedback.nack)
        asksForKeyframes = codec.isVideo && media.feedback.contains(Feedback.pictureLoss)
        var settings = PacketReceiver.Settings()
        settings.isRepairable = asksForPackets
        receiver = PacketReceiver(clockRate: format.clockRate, settings: settings)
        clock = MediaClock(clockRate: format.clockRate)
        needsKeyframe = codec.isVideo
        if asksForKeyframes { keyframes.want() }
    }

    // MARK: Packets

    /// Whether a packet is the source's own: a layer's by its name, and by its source where that is known.
    func owns(_ header: RTPHeader, _ extensions: HeaderExtensions) -> Bool {
        guard payloadType == header.payloadType, isOfSection(extensions) else { return false }
        guard let rid else { return true }
        return extensions.rid.map { $0 == rid } ?? (ssrc == header.ssrc)
    }

    /// Whether a packet is a retransmission of the source.
    func repairs(_ header: RTPHeader, _ extensions: HeaderExtensions) -> Bool {
        guard repairPayloadType == header.payloadType, isOfSection(extensions) else { return false }
        guard let rid else { return true }
        return extensions.repairedRID.map { $0 == rid } ?? (repairSSRC == header.ssrc)
    }

    private func isOfSection(_ extensions: HeaderExtensions) -> Bool {
        guard let named = extensions.mid, let mid else { return true }
        return named == mid
    }

    /// Takes a packet of the source, or one that a retransmission brought back.
    mutating func receive(_ header: RTPHeader, payload: Span<UInt8>, isRepair: Bool, now: UInt64) {
        lastArrival = now
        receiver.receive(header, payload: payload, isRetransmission: isRepair, now: now)
    }

    /// Takes over how long the way to the source and back is, in nanoseconds.
    mutating func use(roundTrip: UInt64) { receiver.roundTrip = roundTrip }

    /// Takes a report of the source.
    mutating func receive(_ report: SenderReport, _ shared: inout PublisherClock, now: UInt64) {
        receiver.receive(report, now: now)
        clock.synchronise(with: report, &shared, arrival: now)
    }

    /// Appends the frames that are complete to `frames`.
    mutating func takeFrames(into frames: inout [ArrivedFrame], now: UInt64) {
        while let delivery = receiver.next(now: now) {
            if case .packet = delivery {} else { wantKeyframe() }
            assembler.add(delivery)
            while let unit = assembler.next() { take(unit, into: &frames) }
        }
    }

    private mutating func take(_ unit: AccessUnit, into frames: inout [ArrivedFrame]) {
        if codec.isVideo, !isDecodable(unit) {
            undecodableCount &+= 1
            return
        }
        let ticks = clock.time(of: UInt32(truncatingIfNeeded: unit.timestamp), arrival: unit.arrival)
        frames.append(frame(unit, at: ticks))
    }

    /// After a loss nothing is passed on before a keyframe: a picture that stands still is better than a broken one.
    private mutating func isDecodable(_ unit: AccessUnit) -> Bool {
        if unit.isKeyframe {
            needsKeyframe = false
            lastKeyframe = unit.arrival
            keyframes.satisfy()
            asks.satisfy()
        } else if unit.followsLoss {
            needsKeyframe = true
            wantKeyframe()
        }
        return !needsKeyframe
    }

    private mutating func frame(_ unit: AccessUnit, at ticks: Int64) -> ArrivedFrame {
        let presentation = Self.nanoseconds(ticks, clock.clockRate)
        // Times of RTP are those of presentation; a picture that is sent later is decoded later all the same.
        var decode = presentation
        if let last = lastDecodeTime, codec.isVideo, decode <= last { decode = last &+ 1_000_000 }
        lastDecodeTime = decode
        var frame = MediaPacket.Frame(isKeyframe: unit.isKeyframe, payload: unit.payload[...])
        frame.nanosecondOffset = UInt32(decode % 1_000_000)
        frame.compositionTime = Int32(clamping: (presentation &- decode) / 1_000_000)
        var packet = MediaPacket(codec: codec.fourCC, content: .coded(frame))
        packet.trackID = UInt8(clamping: layer ?? 0)
        return ArrivedFrame(
            packet: packet,
            isVideo: codec.isVideo,
            timestamp: UInt32(truncatingIfNeeded: decode / 1_000_000),
            layer: layer
        )
    }

    private static func nanoseconds(_ ticks: Int64, _ clockRate: UInt32) -> Int64 {
        max(0, Int64(clamping: Int128(ticks) * 1_000_000_000 / Int128(clockRate)))
    }

    // MARK: Feedback

    /// Notes that somebody needs a keyframe.
    mutating func wantKeyframe() {
        if asksForKeyframes { keyframes.want() }
    }

    /// Notes that a reader needs a keyframe; readers are many, and are heard once a second.
    mutating func ask() {
        if asksForKeyframes { asks.want() }
    }

    /// Whether the source has sent something of late.
    func isArriving(now: UInt64) -> Bool { lastArrival.map { now < $0 &+ Self.silence } ?? false }

    /// Whether the last keyframe is so old that the next segment needs one.
    func needsSegment(now: UInt64) -> Bool {
        lastKeyframe.map { now > $0 &+ Self.keyframeInterval } ?? false && isArriving(now: now)
    }

    /// What the source is to be told at once: the packets it shall send again, and that it shall send a keyframe.
    mutating func takeRequests(from sender: UInt32, now: UInt64) -> [RTCPPacket] {
        guard let ssrc else { return [] }
        var packets: [RTCPPacket] = []
        let missing = receiver.takeRequests(now: now)
        if !missing.isEmpty {
            packets.append(
                .negativeAcknowledgement(.init(senderSSRC: sender, mediaSSRC: ssrc, sequenceNumbers: missing))
            )
        }
        // What is silent has nothing to send; asked all the same, some publishers send keyframes of all layers.
        guard isArriving(now: now) else { return packets }
        if asks.take(now: now) {
            asks.satisfy()
            wantKeyframe()
        }
        if keyframes.take(now: now) {
            packets.append(.pictureLossIndication(.init(senderSSRC: sender, mediaSSRC: ssrc)))
        }
        return packets
    }

    /// What the source is told about its reception.
    mutating func reportBlock(now: UInt64) -> ReportBlock? {
        guard let ssrc, receiver.statistics.packetCount > 0 else { return nil }
        return receiver.makeReportBlock(ssrc: ssrc, now: now)
    }
}
