import RTP

/// How a viewer fares, as its reports and requests say.
struct ViewerQuality {
    /// A keyframe that is asked for so soon after the last is the same question.
    static let restartPause: UInt64 = 1_000_000_000

    private(set) var roundTrip: UInt64?
    /// The share of packets that were lost in the last interval, from 0 to 1.
    private(set) var loss = 0.0
    private(set) var lostCount: Int32 = 0
    private(set) var nackCount: UInt64 = 0
    private(set) var pictureLossCount: UInt64 = 0
    /// Times that the pictures stood still until a keyframe came, as far as it can be told from here: the viewer asked
    /// for one, and was not waiting for one already.
    private(set) var freezeCount: UInt64 = 0
    /// When that began which is not over yet.
    private var frozenSince: UInt64?
    /// How long they stood in all, in nanoseconds.
    private var frozenTime: UInt64 = 0
    private var keyframesBefore: UInt64 = 0
    /// Jitter in ticks of the pictures' clock.
    private(set) var jitter: UInt32 = 0
    /// Bits a second over the last interval.
    private(set) var bitrate = 0
    private var lastRestart: UInt64 = 0
    private var lastByteCount: UInt64 = 0
    private var lastTime: UInt64 = 0

    mutating func note(_ report: ReportBlock, at ntpTime: UInt64) {
        if let roundTrip = report.roundTrip(at: ntpTime) { self.roundTrip = roundTrip }
        loss = Double(report.fractionLost) / 256
        lostCount = max(0, report.cumulativeLost)
        jitter = report.jitter
    }

    mutating func noteNACK(of count: Int) { nackCount &+= UInt64(count) }

    /// Takes note that pictures were lost.
    ///
    /// - Returns: Whether something is to be done about it now.
    mutating func notePictureLoss(at now: UInt64) -> Bool {
        pictureLossCount &+= 1
        guard now &- lastRestart > Self.restartPause else { return false }
        lastRestart = now
        return true
    }

    mutating func noteStart(at now: UInt64) { lastRestart = now }

    // MARK: Standing pictures

    var isFrozen: Bool { frozenSince != nil }

    /// How long the pictures stood in all until now, in nanoseconds.
    func frozenTime(at now: UInt64) -> UInt64 { frozenTime &+ (frozenSince.map { now &- $0 } ?? 0) }

    /// The viewer cannot go on without a keyframe, of which so many were sent before.
    mutating func noteFreeze(at now: UInt64, keyframes: UInt64) {
        guard frozenSince == nil else { return }
        freezeCount &+= 1
        frozenSince = now
        keyframesBefore = keyframes
    }

    /// So many keyframes were sent until now; one more ends what began before it.
    mutating func noteSent(keyframes: UInt64, at now: UInt64) {
        guard let since = frozenSince, keyframes != keyframesBefore else { return }
        // The request was on its way for half a round trip, and the keyframe is for the other half.
        frozenTime &+= (now &- since) &+ (roundTrip ?? 0)
        frozenSince = nil
    }

    mutating func measure(_ byteCount: UInt64, at now: UInt64) {
        defer { (lastByteCount, lastTime) = (byteCount, now) }
        guard lastTime > 0, now > lastTime else { return }
        let bits = Double((byteCount &- lastByteCount) * 8)
        bitrate = Int(bits * 1e9 / Double(now - lastTime))
    }
}
