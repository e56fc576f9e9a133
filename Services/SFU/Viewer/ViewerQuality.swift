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
    /// Times that the pictures stood still until a keyframe came.
    private(set) var freezeCount: UInt64 = 0
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

    mutating func noteFreeze() { freezeCount &+= 1 }

    mutating func measure(_ byteCount: UInt64, at now: UInt64) {
        defer { (lastByteCount, lastTime) = (byteCount, now) }
        guard lastTime > 0, now > lastTime else { return }
        let bits = Double((byteCount &- lastByteCount) * 8)
        bitrate = Int(bits * 1e9 / Double(now - lastTime))
    }
}
