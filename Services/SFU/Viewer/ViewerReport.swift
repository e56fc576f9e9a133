import Contracts
import ICE
import RTP
import Reactor
import Telemetry
import WebRTC

/// How one viewer fares, as the API tells it.
struct ViewerReport: Codable, Sendable {
    var id: String
    /// `connecting`, `playing`, `closed` or `refused`.
    var state: String
    var since: String
    var why: ViewerDiagnosis
    /// `udp` or `tcp`, and the viewer's address, once a way is known.
    var transport: String?
    var address: String?
    /// Seconds from the answer to the first packet of media.
    var startDelay: Double?
    /// Bits a second.
    var bitrate: Int?
    /// Bits a second that the path is thought to carry.
    var estimate: Int?
    var layer: String?
    /// Seconds.
    var roundTrip: Double?
    /// The share that was lost lately, from 0 to 1.
    var loss: Double?
    var packetsSent: UInt64?
    var packetsLost: Int?
    var packetsResent: UInt64?
    var keyframeRequests: UInt64?
    /// Times that it had to go on at a keyframe.
    var freezes: UInt64?
    /// Seconds since the newest keyframe came.
    var keyframeAge: Double?

    /// Describes an open session.
    init(_ viewer: Viewer, at now: UInt64) {
        let state = viewer.transport?.state ?? .checking
        let pictures = viewer.pictures
        let keyframe = pictures?.videoRing.newestKeyframe.flatMap {
            pictures?.videoRing.block(at: $0)?.arrival
        }
        keyframeAge = keyframe.map { Self.seconds(from: $0, to: now) }
        id = viewer.id
        self.state = viewer.phase.rawValue
        since = Self.time(viewer.opened, now)
        why = ViewerDiagnosis(
            .init(
                state: state,
                age: Self.seconds(from: viewer.opened, to: now),
                isWaitingForKeyframe: pictures != nil && viewer.media.playhead.isWaiting,
                keyframeAge: keyframeAge,
                isPublisherAway: (pictures ?? viewer.sound)?.isAway ?? false,
                loss: viewer.quality.loss,
                estimate: viewer.media.estimator?.bitsPerSecond,
                bitrate: viewer.quality.bitrate,
                silence: viewer.lastReport.map { Self.seconds(from: $0, to: now) }
            )
        )
        addTransport(viewer)
        addMedia(viewer)
    }

    /// Describes a session that is over, or never was.
    init(id: String, state: String, why: ViewerDiagnosis) {
        self.id = id
        self.state = state
        self.why = why
        since = Timestamp.now
    }

    private mutating func addTransport(_ viewer: Viewer) {
        guard let pair = viewer.transport?.selectedPair else { return }
        transport = pair.transport == .udp ? "udp" : "tcp"
        address = pair.remote.ip.description
        let roundTrip = viewer.quality.roundTrip ?? viewer.transport?.statistics.roundTrip
        self.roundTrip = roundTrip.map { Double($0) / 1e9 }
    }

    private mutating func addMedia(_ viewer: Viewer) {
        startDelay = viewer.started.map { Self.seconds(from: viewer.opened, to: $0) }
        bitrate = viewer.quality.bitrate
        estimate = viewer.media.estimator?.bitsPerSecond
        layer = viewer.pictures?.name.rendition?.description
        loss = viewer.quality.loss
        packetsSent = viewer.media.packetCount
        packetsLost = Int(viewer.quality.lostCount)
        packetsResent = viewer.media.resentCount
        keyframeRequests = viewer.quality.pictureLossCount
        freezes = viewer.quality.freezeCount
    }

    private static func seconds(from: UInt64, to now: UInt64) -> Double {
        now > from ? (Double((now - from) / 1000) / 1e6) : 0
    }

    private static func time(_ moment: UInt64, _ now: UInt64) -> String {
        Timestamp.rfc3339(microseconds: Timestamp.nowMicroseconds - Int64((now &- moment) / 1000))
    }
}
