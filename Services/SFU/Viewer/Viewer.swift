import Contracts
import RTP
import Reactor
import WebRTC

/// One viewer's session; on the loop of its shard only.
final class Viewer: PeerTransportObserver {
    /// How far a session has come.
    enum Phase: String, Sendable {
        /// Answered; media cannot be sent yet.
        case connecting
        /// Media go out.
        case playing
        case closed
    }

    let id: String
    let streamID: String
    let opened: UInt64
    private(set) var phase = Phase.connecting
    /// When the first packet left.
    private(set) var started: UInt64?
    /// When it last reported anything.
    private(set) var lastReport: UInt64?
    var media: ViewerMedia
    var quality = ViewerQuality()
    let pictures: ViewerPictures?
    let sound: ShardFeed?
    /// Every feed that is held for it.
    private let held: [FeedHold]
    /// Whether more pictures are there than may be sent now.
    private(set) var isBehind = false
    private(set) var transport: PeerTransport?
    private var counted = SentAmounts()
    private let canonicalName: String
    private unowned let shard: ViewerShard

    init(
        _ plan: ViewerPlan,
        id: String,
        pictures: ViewerPictures?,
        sound: ShardFeed?,
        shard: ViewerShard,
        now: UInt64
    ) {
        self.id = id
        streamID = plan.streamID
        canonicalName = plan.canonicalName
        opened = now
        media = plan.media
        held = plan.held
        self.pictures = pictures
        self.sound = sound
        self.shard = shard
    }

    func attach(_ transport: PeerTransport) { self.transport = transport }

    /// Ends the session; the transport tells when it is over.
    func close() {
        if let goodbye = goodbye() { transport?.sendRTCP(goodbye.span) }
        transport?.close()
    }

    // MARK: Sending

    /// Sends what has come and may be sent.
    func pump(at now: UInt64) {
        guard phase == .playing, let transport else { return }
        var sink = TransportSink(transport: transport)
        if let pictures {
            isBehind = pictures.pump(&media, for: self, at: now, &sink)
            quality.noteSent(keyframes: media.keyframeCount, at: now)
            if media.estimator.isProbing { probe(pictures, at: now, &sink) }
        }
        if let sound { media.pumpAudio(sound.audioRing, at: now, &sink) }
        if started == nil, media.packetCount > 0 { started = now }
    }

    private func probe(_ pictures: ViewerPictures, at now: UInt64, _ sink: inout TransportSink) {
        media.pumpProbe(pictures.feed.videoRing, at: now, &sink)
        isBehind = isBehind || media.estimator.isProbing
    }

    // MARK: Layers

    /// Changes what the viewer wants of the layers.
    func wish(_ change: LayerWish.Change, at now: UInt64) {
        pictures?.wish(change)
        chooseLayer(at: now)
    }

    private func chooseLayer(at now: UInt64) {
        guard phase == .playing, let pictures else { return }
        if pictures.choose(for: self, at: now) { askForKeyframe() }
    }

    private func askForKeyframe() {
        if let pictures { shard.ask(pictures.keyframeRequest, of: streamID) }
    }

    /// The session is over: lets go of all that it got its media from.
    func leave() {
        pictures?.leave(self)
        guard let sound else { return }
        sound.audience.remove(self)
        if pictures == nil { sound.listenerCount -= 1 }
        shard.feeds.release(sound)
    }

    // MARK: PeerTransportObserver

    func transportDidConnect(_ transport: PeerTransport) {
        guard phase == .connecting else { return }
        phase = .playing
        shard.noteConnected(self)
        let now = EventLoop.now
        quality.noteStart(at: now)
        chooseLayer(at: now)
        pump(at: now)
        shard.note(self)
        if pictures != nil, media.playhead.isWaiting { askForKeyframe() }
    }

    func transport(_ transport: PeerTransport, didReceiveRTP packet: Span<UInt8>, at arrival: UInt64) {}

    func transport(_ transport: PeerTransport, didReceiveRTCP packet: Span<UInt8>, at arrival: UInt64) {
        lastReport = arrival
        if receive(RTCPCompound(parsing: packet).packets, at: arrival) { askForKeyframe() }
        shard.note(self)
    }

    func transportDidClose(_ transport: PeerTransport, _ reason: PeerTransport.CloseReason) {
        phase = .closed
        shard.forget(self, reason)
    }

    // MARK: Feedback

    /// Acts on what the viewer reports.
    ///
    /// - Returns: Whether a keyframe must be asked for, since none that is there helps.
    private func receive(_ packets: [RTCPPacket], at now: UInt64) -> Bool {
        var mustAsk = false
        for packet in packets {
            switch packet {
            case .receiverReport(let report): note(report.reports, at: now)
            case .senderReport(let report): note(report.reports, at: now)
            case .negativeAcknowledgement(let request): resend(request, at: now)
            case .transportFeedback(let feedback):
                media.receive(feedback, at: now)
                chooseLayer(at: now)
                if media.estimator.isProbing { pump(at: now) }
            case .bitrateEstimate(let estimate): media.receive(estimate, at: now)
            case .pictureLossIndication(let loss):
                if loss.mediaSSRC == media.video?.ssrc, restart(at: now) { mustAsk = true }
            case .fullIntraRequest: if restart(at: now) { mustAsk = true }
            default: break
            }
        }
        return mustAsk
    }

    private func note(_ reports: [ReportBlock], at now: UInt64) {
        let time = NTPClock.time(NTPClock.nanoseconds)
        for report in reports where report.ssrc == (media.video ?? media.audio)?.ssrc {
            quality.note(report, at: time)
            media.receive(report, sent: quality.bitrate, at: now)
        }
    }

    private func resend(_ request: NegativeAcknowledgement, at now: UInt64) {
        guard phase == .playing, let transport, request.mediaSSRC == media.video?.ssrc, let pictures else {
            return
        }
        quality.noteNACK(of: request.sequenceNumbers.count)
        var sink = TransportSink(transport: transport)
        for sequence in request.sequenceNumbers {
            media.resendVideo(sequence, from: pictures.feed.videoRing, at: now, &sink)
        }
    }

    /// Goes back to the newest keyframe.
    ///
    /// - Returns: Whether there is none that helps.
    private func restart(at now: UInt64) -> Bool {
        guard phase == .playing, quality.notePictureLoss(at: now), let pictures else { return false }
        quality.noteFreeze(at: now, keyframes: media.keyframeCount)
        // A group of a layer that the path does not carry would only make it worse.
        guard !media.isRetreating else { return true }
        guard media.restart(in: pictures.feed.videoRing) else { return true }
        pump(at: now)
        return false
    }

    // MARK: Reports

    /// Sends how the viewer's clocks relate, and what it was sent.
    func sendReports() {
        guard phase == .playing, media.packetCount > 0 else { return }
        let now = NTPClock.nanoseconds
        guard let mediaTime = (pictures?.main ?? sound)?.timeline.mediaTime(at: now) else { return }
        var packets: [RTCPPacket] = []
        for (track, clockRate) in [(media.video, Int128(90_000)), (media.audio, 48_000)] {
            guard let track, track.packetCount > 0 else { continue }
            let ticks = Int64(clamping: Int128(mediaTime) * clockRate / 1_000_000_000)
            let report = SenderReport(
                ssrc: track.ssrc,
                ntpTime: NTPClock.time(now),
                rtpTimestamp: UInt32(truncatingIfNeeded: ticks) &+ track.timestampOffset,
                packetCount: track.packetCount,
                byteCount: track.byteCount
            )
            packets.append(.senderReport(report))
            packets.append(
                .sourceDescription([SourceDescription(ssrc: track.ssrc, canonicalName: canonicalName)])
            )
        }
        transport?.sendRTCP(RTCPCompound.bytes(of: packets).span)
    }

    /// Measures, and allows resends again.
    ///
    /// - Returns: what was sent since the last time.
    func care(at now: UInt64, interval: UInt64) -> SentAmounts {
        quality.measure(media.byteCount, at: now)
        media.earnResends(for: interval)
        chooseLayer(at: now)
        if pictures?.next != nil { askForKeyframe() }
        let total = SentAmounts(
            packets: media.packetCount,
            bytes: media.byteCount,
            resent: media.resentCount,
            padding: media.paddingCount,
            restarts: media.restartCount,
            layerSwitches: pictures?.choice.switchCount ?? 0
        )
        defer { counted = total }
        return total - counted
    }

    private func goodbye() -> [UInt8]? {
        let ssrcs = [media.video?.ssrc, media.audio?.ssrc, media.video?.retransmission?.ssrc].compactMap(
            \.self
        )
        guard phase == .playing, let first = ssrcs.first else { return nil }
        return RTCPCompound.bytes(of: [
            .receiverReport(ReceiverReport(ssrc: first, reports: [])), .goodbye(ssrcs),
        ])
    }
}

/// What was agreed with a viewer.
struct ViewerPlan: Sendable {
    var streamID: String
    /// The grants under which it watches.
    var grants: [String] = []
    /// The name that ties its sound and pictures together.
    var canonicalName: String
    /// The feed of its pictures, and of their layers.
    var pictures: BusStreamName?
    /// The feed of its sound.
    var sound: BusStreamName?
    /// Every feed that is held for it.
    var held: [FeedHold]
    var media: ViewerMedia
}
