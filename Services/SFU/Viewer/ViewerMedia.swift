import RTP

/// What one viewer is sent: its tracks, where it is in them, and how fast it may go on.
struct ViewerMedia {
    /// Resends in a second beyond which further requests are not answered, as a share of the path's rate.
    private static let resendShare = 4
    /// Bits a second that a path is thought to carry before it has shown what it does: where nothing can be chosen,
    /// all that is needed; where there are layers, what most paths carry.
    private static let initialEstimate = 8_000_000
    private static let cautiousEstimate = 1_500_000
    /// Nanoseconds of a queue on the way beyond which nothing is added to it of a layer that is being left.
    private static let queueLimit: UInt64 = 100_000_000
    /// Packets that are sent at a time to find out what the path carries, and those among which they are.
    private static let paddingLimit: UInt16 = 64
    private static let paddingChoice: UInt16 = 8

    private(set) var video: OutgoingTrack?
    private(set) var audio: OutgoingTrack?
    private(set) var playhead = VideoPlayhead()
    private var audioFrame: UInt64?
    /// Whether several packets of sound may come as one.
    private let takesMergedSound: Bool
    var pacer = SendPacer()
    /// Counts the packets of the transport.
    private(set) var transportSequence: UInt16 = 0
    private(set) var resentCount: UInt64 = 0
    private(set) var restartCount: UInt64 = 0
    /// Keyframes that were sent whole.
    private(set) var keyframeCount: UInt64 = 0
    /// Packets that were sent again only to find out what the path carries.
    private(set) var paddingCount: UInt64 = 0
    /// Whether pictures have had to wait for a connection, and not all have gone since.
    private var isHeldUp = false
    /// The picture from which on nothing is sent before a newer keyframe.
    private var leftAt: UInt64?
    private var resendBudget = SendPacer.burstByteCount
    /// Whether the layer that is sent is more than the path carries, and a smaller one is waited for.
    ///
    /// Meanwhile it goes no faster than the path is thought to carry, and what waits on the way goes first: of a queue
    /// that overflows the viewer would have nothing, and the keyframe of the smaller layer would stand behind it.
    var isRetreating = false {
        didSet { pacer.isTight = isRetreating }
    }

    /// What the path carries.
    private(set) var estimator: BandwidthEstimator
    /// Whether the viewer reports on packets by their numbers.
    private let reportsPackets: Bool

    init(
        video: OutgoingTrack?,
        audio: OutgoingTrack?,
        hasLayers: Bool = false,
        takesMergedSound: Bool = true
    ) {
        self.video = video
        self.audio = audio
        self.takesMergedSound = takesMergedSound
        var settings = BandwidthEstimator.Settings()
        settings.initial = hasLayers ? Self.cautiousEstimate : Self.initialEstimate
        reportsPackets = video?.isNumbered == true || audio?.isNumbered == true
        if !reportsPackets { settings.packetCount = 0 }
        estimator = BandwidthEstimator(settings: settings)
    }

    /// Bits a second that the path is thought to carry, as far as the viewer has told anything.
    var estimate: Int? { estimator.hasHeard ? estimator.bitsPerSecond : nil }

    /// Learns from a report on packets by number.
    mutating func receive(_ feedback: TransportFeedback, at now: UInt64) {
        estimator.receive(feedback, now: now)
        pacer.use(estimate: estimator.bitsPerSecond)
    }

    /// Learns from a report of the pictures, which are sent at so many bits a second.
    mutating func receive(_ report: ReportBlock, sent: Int, at now: UInt64) {
        estimator.receive(report, sent: sent, now: now)
    }

    /// Learns what the viewer thinks that it can take.
    mutating func receive(_ estimate: BitrateEstimate, at now: UInt64) {
        estimator.receive(estimate, now: now)
    }

    /// Begins to find out whether the path carries `wanted` bits a second, where it is time for that.
    mutating func probe(for wanted: Int, at now: UInt64) {
        if video?.isNumbered == true { estimator.probe(for: wanted, now: now) }
    }

    /// Bytes that were sent so far.
    var byteCount: UInt64 { sentBytes }
    private var sentBytes: UInt64 = 0
    private(set) var packetCount: UInt64 = 0

    // MARK: Sending

    /// Sends what may be sent of the pictures.
    ///
    /// - Parameter limit: Pictures from this time on are left, in nanoseconds of the session's timeline.
    /// - Returns: Whether there is more that had to wait.
    mutating func pumpVideo(
        _ ring: PacketRing,
        before limit: Int64 = .max,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Bool {
        guard let offset = video?.timestampOffset else { return false }
        pacer.advance(to: now)
        // Where frames are counted anew, none of them is newer.
        if let leftAt, leftAt < ring.endFrame, ring.newestKeyframe ?? 0 <= leftAt { return false }
        if playhead.isWaiting, !begin(in: ring) { return false }
        while let frame = playhead.frame {
            guard let block = ring.block(at: frame) else {
                guard frame != ring.endFrame else {
                    isHeldUp = false
                    return false
                }
                guard lostItsPlace(in: ring) else { return false }
                continue
            }
            if isTooLate(block, in: ring) {
                guard lostItsPlace(in: ring) else { return false }
                continue
            }
            guard block.mediaTime < limit || playhead.packet > 0 else { return false }
            let timestamp = playhead.timestamp(of: block, offset: offset)
            let hurry = playhead.isHurried(block)
            while playhead.frame == frame {
                guard pacer.isOpen else { return true }
                guard !sink.isBacklogged else {
                    isHeldUp = true
                    return true
                }
                sendVideo(block, timestamp: timestamp, hurry: hurry, at: now, &sink)
                playhead.advance(in: block)
            }
            if block.isKeyframe { keyframeCount &+= 1 }
        }
        return false
    }

    /// Sends the sound that has come; it is never held back.
    mutating func pumpAudio(_ ring: PacketRing, at now: UInt64, _ sink: inout some PacketSink) {
        guard let offset = audio?.timestampOffset, let newest = ring.newest else { return }
        var frame = audioFrame ?? newest.frame
        if ring.block(at: frame) == nil, frame != ring.endFrame { frame = newest.frame }
        while let block = ring.block(at: frame) {
            if takesMergedSound || block.parts.isEmpty {
                sendAudio(block, offset, at: now, &sink)
            } else {
                for part in block.parts { sendAudio(part, offset, at: now, &sink) }
            }
            frame &+= 1
        }
        audioFrame = frame
    }

    private mutating func sendAudio(
        _ block: PacketBlock,
        _ offset: UInt32,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) {
        let timestamp = UInt32(truncatingIfNeeded: block.timestamp) &+ offset
        for index in 0..<block.packetCount {
            let number = nextTransportSequence()
            let count = audio?.send(block, index, timestamp, hurry: nil, number, at: now, &sink) ?? 0
            note(number, count, now)
        }
    }

    private mutating func sendVideo(
        _ block: PacketBlock,
        timestamp: UInt32,
        hurry: Bool?,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) {
        let number = nextTransportSequence()
        let index = playhead.packet
        let count = video?.send(block, index, timestamp, hurry: hurry, number, at: now, &sink) ?? 0
        pacer.spend(count)
        note(number, count, now)
    }

    private mutating func note(_ number: UInt16, _ count: Int, _ now: UInt64) {
        if reportsPackets { estimator.send(number, byteCount: count, now: now) }
        sentBytes &+= UInt64(count)
        packetCount &+= 1
    }

    private mutating func nextTransportSequence() -> UInt16 {
        defer { transportSequence &+= 1 }
        return transportSequence
    }

    // MARK: Losing the place

    private func isTooLate(_ block: PacketBlock, in ring: PacketRing) -> Bool {
        guard playhead.packet == 0, let newest = ring.newest else { return false }
        let lag = newest.mediaTime &- block.mediaTime
        // A connection loses nothing, so that whatever is late stays late until pictures are left out.
        if isHeldUp, lag > VideoPlayhead.heldUpLagLimit, ring.newestKeyframe ?? 0 > block.frame,
            VideoPlayhead.canBegin(in: ring)
        {
            return true
        }
        return playhead.isHurried(block) != true && lag > VideoPlayhead.lagLimit
    }

    private mutating func lostItsPlace(in ring: PacketRing) -> Bool {
        restartCount &+= 1
        // What a connection was too slow for once is not sent by it again.
        if isHeldUp, let frame = playhead.frame, frame < ring.endFrame, ring.newestKeyframe ?? 0 <= frame {
            leftAt = frame
        }
        playhead.wait()
        return leftAt == nil && begin(in: ring)
    }

    private mutating func begin(in ring: PacketRing) -> Bool {
        guard let offset = video?.timestampOffset else { return false }
        guard playhead.begin(in: ring, offset: offset, after: video?.lastTimestamp) else { return false }
        leftAt = nil
        video?.forgetSent()
        return true
    }

    /// Goes back to the newest keyframe, as a viewer asks that cannot go on.
    ///
    /// - Returns: `false` where there is none to begin at: it goes on as before until one comes.
    mutating func restart(in ring: PacketRing) -> Bool {
        guard VideoPlayhead.canBegin(in: ring) else { return false }
        restartCount &+= 1
        return begin(in: ring)
    }

    /// Goes over to another layer at a keyframe of it, as soon as all that belongs before it is sent.
    ///
    /// What was sent of the layer before is not sent again: nothing that follows is made from it. Where it is left
    /// because the path does not carry it, the rest of it is not sent either.
    ///
    /// - Parameters:
    ///   - time: Keyframes that came before are too old, unless hardly anything has come after them.
    ///   - old: The layer that is sent now.
    /// - Returns: Whether it has gone over.
    mutating func switchLayer(
        to ring: PacketRing,
        since time: UInt64,
        from old: PacketRing,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> LayerSwitch {
        guard let key = VideoPlayhead.entrance(to: ring, since: time) else {
            return retreats(at: now) ? .leaving(isBehind: finishPicture(of: old, at: now, &sink)) : .waiting
        }
        if isRetreating {
            let isBehind = finishPicture(of: old, at: now, &sink)
            guard playhead.packet == 0 else { return .leaving(isBehind: isBehind) }
            return enter(at: key)
        }
        let isBehind = pumpVideo(old, before: key.mediaTime, at: now, &sink)
        guard playhead.hasReached(key, of: ring, in: old) else { return .leaving(isBehind: isBehind) }
        return enter(at: key)
    }

    private mutating func enter(at key: PacketBlock) -> LayerSwitch {
        leftAt = nil
        playhead.enter(at: key, after: video?.lastTimestamp)
        video?.forgetSent()
        isRetreating = false
        return .done
    }

    /// Whether nothing of the layer that is left may be sent now.
    private func retreats(at now: UInt64) -> Bool {
        isRetreating && estimator.queueDelay(at: now) > Self.queueLimit
    }

    /// Sends the rest of a picture that has begun, as half of one is of no use.
    private mutating func finishPicture(
        of ring: PacketRing,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Bool {
        guard playhead.packet > 0 else { return false }
        return pumpVideo(ring, before: .min, at: now, &sink)
    }

    // MARK: Sending again

    /// Lets the time pass in which resends are allowed again.
    mutating func earnResends(for interval: UInt64) {
        let earned = UInt64(pacer.rate / 8) / UInt64(Self.resendShare) * (interval / 1_000_000) / 1000
        resendBudget = min(4 * SendPacer.burstByteCount, resendBudget + Int(clamping: earned))
    }

    /// Sends packets again that nobody has asked for, so that it is found out what the path carries.
    mutating func pumpProbe(_ ring: PacketRing, at now: UInt64, _ sink: inout some PacketSink) {
        guard let end = video?.nextSequence else { return }
        var index: UInt16 = 0
        while estimator.probeDebt(now: now) > 0, index < Self.paddingLimit, !sink.isBacklogged {
            index += 1
            let sequence = end &- 1 &- index % Self.paddingChoice
            guard sendAgain(sequence, from: ring, at: now, &sink) != nil else { return }
            paddingCount &+= 1
        }
    }

    /// Sends a lost packet of the pictures again, where it is still known.
    mutating func resendVideo(
        _ sequence: UInt16,
        from ring: PacketRing,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) {
        guard resendBudget > 0, !retreats(at: now) else { return }
        guard let count = sendAgain(sequence, from: ring, at: now, &sink) else { return }
        resendBudget -= count
        pacer.spend(count)
        resentCount &+= 1
    }

    /// Sends a packet again.
    ///
    /// - Returns: how many bytes it has, `nil` where it is not known any more.
    private mutating func sendAgain(
        _ sequence: UInt16,
        from ring: PacketRing,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Int? {
        guard let packet = video?.find(sequence), let block = ring.block(withPacket: packet),
            let offset = video?.timestampOffset
        else { return nil }
        let timestamp = playhead.timestamp(of: block, offset: offset)
        let hurry = playhead.isHurried(block)
        let index = Int(packet &- block.firstPacket)
        let number = nextTransportSequence()
        let count =
            video?.resend(block, index, as: sequence, timestamp, hurry: hurry, number, at: now, &sink) ?? 0
        note(number, count, now)
        return count
    }
}

/// How far the change to another layer has come.
enum LayerSwitch: Equatable {
    /// There is no keyframe to begin with.
    case waiting
    /// There is one; pictures of the layer before are to be sent or come first.
    case leaving(isBehind: Bool)
    case done
}
