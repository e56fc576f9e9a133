import Contracts
import Media
import RTP
import SDP

/// What a publisher by WebRTC sends: plain packets in; frames, and packets of feedback for it, out.
///
/// Call ``takeFeedback(now:)`` some fifty times a second.
struct IncomingMedia {
    /// How often the arrivals of packets are reported.
    static let arrivalInterval: UInt64 = 100_000_000
    /// How often reception is reported.
    static let reportInterval: UInt64 = 1_000_000_000
    /// Packets that nobody knows what to do with are counted, and no more than that.
    private(set) var unknownCount: UInt64 = 0
    /// Packets that are none.
    private(set) var malformedCount: UInt64 = 0

    private var frames: [ArrivedFrame] = []
    private var tracks: [IncomingTrack]
    private let extensionIDs: HeaderExtensionIDs
    private let usesTransportFeedback: Bool
    private let ssrc: UInt32
    private let cname: String
    private var clock = PublisherClock()
    private var captureAge = CaptureAge()
    private var arrivals = ArrivalRecorder()
    private var estimate: ReceiverEstimate
    private var nextArrivals: UInt64 = 0
    private var nextReport: UInt64 = 0
    private var lastArriving: [Bool] = []

    /// Creates the media of a negotiated session.
    ///
    /// - Parameters:
    ///   - ssrc: Our own source, for feedback.
    ///   - cname: Our own name, for feedback.
    ///   - maximumBitRate: What a publisher may send at most.
    init(_ media: [NegotiatedMedia], ssrc: UInt32, cname: String, maximumBitRate: Int) {
        tracks = media.flatMap(IncomingTrack.all)
        var ids = HeaderExtensionIDs()
        for agreed in media.flatMap(\.extensions) {
            if let kind = HeaderExtensionKind(rawValue: agreed.uri) { ids[kind] = agreed.id }
        }
        extensionIDs = ids
        usesTransportFeedback = media.contains { $0.usesTransportFeedback }
        self.ssrc = ssrc
        self.cname = cname
        estimate = ReceiverEstimate(maximum: maximumBitRate)
    }

    /// The tracks of the bus that will come.
    var promised: Set<TrackID> { Set(tracks.map { $0.codec.isVideo ? .video : .audio }) }

    /// The names of the picture's layers in the publisher's order, empty where there is one picture.
    var layers: [String] { tracks.compactMap(\.rid) }

    /// Packets that were given up, of all tracks.
    var lostCount: UInt64 { tracks.reduce(0) { $0 &+ $1.receiver.lostCount } }

    /// Takes over how long the way to the publisher and back is, in nanoseconds, until packets that come again tell.
    mutating func use(roundTrip: UInt64) {
        captureAge.roundTrip = roundTrip
        for index in tracks.indices { tracks[index].use(roundTrip: roundTrip) }
    }

    // MARK: Packets

    /// Takes a packet of RTP.
    mutating func receiveRTP(_ bytes: Span<UInt8>, now: UInt64) {
        guard let packet = try? RTPPacket(parsing: bytes) else {
            malformedCount &+= 1
            return
        }
        let extensions = HeaderExtensions(of: packet, in: bytes, ids: extensionIDs)
        if let number = extensions.transportSequenceNumber { arrivals.record(number, now: now) }
        if let index = tracks.firstIndex(where: { $0.owns(packet.header, extensions) }) {
            tracks[index].ssrc = packet.header.ssrc
            if let capture = extensions.absoluteCaptureTime { captureAge.note(capture, at: now) }
            let payload = packet.payload(in: bytes)
            tracks[index].receive(packet.header, payload: payload, isRepair: false, now: now)
            tracks[index].takeFrames(into: &frames, now: now)
        } else if let index = tracks.firstIndex(where: { $0.repairs(packet.header, extensions) }) {
            repair(index, packet, bytes, now: now)
        } else {
            unknownCount &+= 1
        }
    }

    /// Takes a compound packet of RTCP.
    mutating func receiveRTCP(_ bytes: Span<UInt8>, now: UInt64) {
        for case .senderReport(let report) in RTCPCompound(parsing: bytes).packets {
            guard let index = tracks.firstIndex(where: { $0.ssrc == report.ssrc }) else { continue }
            tracks[index].receive(report, &clock, now: now)
            captureAge.note(report, at: now)
        }
    }

    /// How old what comes now is since its capture, in nanoseconds; `nil` where the publisher does not tell.
    mutating func age(at now: UInt64) -> Int64? { captureAge.value(at: now) }

    /// Hands out the frames that are ready, in the order in which they were completed.
    mutating func takeFrames() -> [ArrivedFrame] {
        defer { frames.removeAll(keepingCapacity: true) }
        return frames
    }

    private mutating func repair(_ index: Int, _ packet: RTPPacket, _ bytes: Span<UInt8>, now: UInt64) {
        guard let ssrc = tracks[index].ssrc else { return }
        tracks[index].repairSSRC = packet.header.ssrc
        let original = RetransmissionPayload.original(
            of: packet,
            in: bytes,
            ssrc: ssrc,
            payloadType: tracks[index].payloadType
        )
        guard let original else { return }
        let payload = bytes.extracting(original.payload)
        tracks[index].receive(original.header, payload: payload, isRepair: true, now: now)
        tracks[index].takeFrames(into: &frames, now: now)
    }

    // MARK: Feedback

    /// Takes the requests of readers for keyframes: of one layer, or of all that has pictures.
    mutating func ask(_ requests: Set<KeyframeRequest>) {
        for index in tracks.indices {
            let layer = tracks[index].rid.flatMap { RenditionName.layer($0) }
            let isMeant = layer.map { requests.contains(.layer($0)) } ?? false
            if isMeant || requests.contains(.all) { tracks[index].ask() }
        }
    }

    /// Wants keyframes of all layers together, so that their segments begin together: when one is due, and when a
    /// layer has begun or fallen silent, so that others take its place.
    private mutating func wantKeyframes(now: UInt64) {
        let arriving = tracks.map { $0.codec.isVideo && $0.isArriving(now: now) }
        // The first ones to come have begun with keyframes.
        let hasChanged = lastArriving.contains(true) && arriving != lastArriving
        lastArriving = arriving
        guard hasChanged || tracks.contains(where: { $0.needsSegment(now: now) }) else { return }
        for index in tracks.indices where arriving[index] { tracks[index].wantKeyframe() }
    }

    /// Looks at the clock: gives lost packets up and returns the compound packets that are due.
    mutating func takeFeedback(now: UInt64) -> [[UInt8]] {
        var packets: [RTCPPacket] = []
        wantKeyframes(now: now)
        for index in tracks.indices {
            tracks[index].takeFrames(into: &frames, now: now)
            packets += tracks[index].takeRequests(from: ssrc, now: now)
        }
        var compounds = [packets]
        if usesTransportFeedback, now >= nextArrivals {
            nextArrivals = now &+ Self.arrivalInterval
            while let report = takeArrivals() { compounds.append([.transportFeedback(report)]) }
        }
        if now >= nextReport {
            nextReport = now &+ Self.reportInterval
            compounds.append(makeReport(now: now))
        }
        return compounds.filter { !$0.isEmpty }.map(compound)
    }

    private mutating func takeArrivals() -> TransportFeedback? {
        let media = tracks.first { $0.codec.isVideo }?.ssrc ?? tracks.first?.ssrc
        return arrivals.makeFeedback(senderSSRC: ssrc, mediaSSRC: media ?? 0)
    }

    private mutating func makeReport(now: UInt64) -> [RTCPPacket] {
        let blocks = tracks.indices.compactMap { tracks[$0].reportBlock(now: now) }
        guard !blocks.isEmpty else { return [] }
        estimate.update(with: blocks)
        let ssrcs = tracks.filter { $0.codec.isVideo }.compactMap(\.ssrc)
        return [
            .receiverReport(.init(ssrc: ssrc, reports: blocks)),
            .sourceDescription([.init(ssrc: ssrc, canonicalName: cname)]),
            .bitrateEstimate(
                .init(senderSSRC: ssrc, bitsPerSecond: estimate.bitsPerSecond, ssrcs: ssrcs)
            ),
        ]
    }

    /// A compound packet begins with a report, be it an empty one (RFC 3550 §6.1).
    private func compound(_ packets: [RTCPPacket]) -> [UInt8] {
        if case .receiverReport = packets[0] { return RTCPCompound.bytes(of: packets) }
        return RTCPCompound.bytes(of: [.receiverReport(.init(ssrc: ssrc, reports: []))] + packets)
    }
}
