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
    /// The layer of a simulcast that it is sent, why, and all that there are, the best first.
    var layer: String?
    var layerReason: String?
    var layers: [Layer]?
    var layerSwitches: UInt64?
    /// Seconds.
    var roundTrip: Double?
    /// The share that was lost lately, from 0 to 1.
    var loss: Double?
    var packetsSent: UInt64?
    var packetsLost: Int?
    var packetsResent: UInt64?
    var keyframeRequests: UInt64?
    /// Times that its pictures stood still until a keyframe came, as far as it can be told from here, and for how many
    /// seconds in all.
    var freezes: UInt64?
    var freezeSeconds: Double?
    /// Seconds since the newest keyframe came.
    var keyframeAge: Double?

    /// One layer of a simulcast.
    struct Layer: Codable, Sendable {
        var rid: String
        var width: Int
        var height: Int
        /// Bits a second that it needs; 0 while it is not sent.
        var bitrate: Int
    }

    /// Describes an open session.
    init(_ viewer: Viewer, at now: UInt64) {
        let pictures = viewer.pictures?.feed
        keyframeAge = pictures?.keyframeArrival.map { Self.seconds(from: $0, to: now) }
        id = viewer.id
        state = viewer.phase.rawValue
        since = Self.time(viewer.opened, now)
        why = ViewerDiagnosis(viewer, at: now)
        addTransport(viewer)
        addMedia(viewer, at: now)
        if let pictures = viewer.pictures, !pictures.layers.isEmpty { addLayers(pictures, at: now) }
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

    private mutating func addMedia(_ viewer: Viewer, at now: UInt64) {
        startDelay = viewer.started.map { Self.seconds(from: viewer.opened, to: $0) }
        bitrate = viewer.quality.bitrate
        estimate = viewer.media.estimate
        loss = viewer.quality.loss
        packetsSent = viewer.media.packetCount
        packetsLost = Int(viewer.quality.lostCount)
        packetsResent = viewer.media.resentCount
        keyframeRequests = viewer.quality.pictureLossCount
        freezes = viewer.quality.freezeCount
        freezeSeconds = viewer.quality.frozenTime(at: now).seconds
    }

    private mutating func addLayers(_ pictures: ViewerPictures, at now: UInt64) {
        layer = pictures.layer?.rid
        layerReason = pictures.next == nil ? pictures.reason.rawValue : "switching"
        layerSwitches = pictures.choice.switchCount
        layers = pictures.layers.reversed().map {
            Layer(
                rid: $0.layer.rid,
                width: $0.layer.width,
                height: $0.layer.height,
                bitrate: $0.bitrate(at: now)
            )
        }
    }

    private static func seconds(from: UInt64, to now: UInt64) -> Double {
        now > from ? (now - from).seconds : 0
    }

    private static func time(_ moment: UInt64, _ now: UInt64) -> String {
        Timestamp.rfc3339(microseconds: Timestamp.nowMicroseconds - Int64((now &- moment) / 1000))
    }
}

extension ViewerDiagnosis {
    /// What is to be said of a viewer.
    init(_ viewer: Viewer, at now: UInt64) {
        let pictures = viewer.pictures?.feed
        self.init(
            .init(
                state: viewer.transport?.state ?? .checking,
                age: (now &- viewer.opened).seconds,
                isWaitingForKeyframe: pictures != nil && viewer.media.playhead.isWaiting,
                keyframeAge: pictures?.keyframeArrival.map { (now &- $0).seconds },
                isPublisherAway: (pictures ?? viewer.sound)?.isAway ?? false,
                loss: viewer.quality.loss,
                estimate: viewer.media.estimate,
                bitrate: viewer.quality.bitrate,
                silence: viewer.lastReport.map { (now &- $0).seconds }
            )
        )
    }
}

extension ViewerSummary {
    /// Describes an open session.
    init(_ viewer: Viewer, at now: UInt64) {
        let roundTrip = viewer.quality.roundTrip ?? viewer.transport?.statistics.roundTrip
        self.init(
            id: viewer.id,
            why: ViewerDiagnosis(viewer, at: now).code,
            bitrate: viewer.quality.bitrate,
            roundTrip: roundTrip.map { Double($0) / 1e9 },
            loss: viewer.quality.loss,
            layer: viewer.pictures?.layer?.rid,
            freezes: viewer.quality.freezeCount,
            freezeSeconds: viewer.quality.frozenTime(at: now).seconds,
            isFrozen: viewer.quality.isFrozen
        )
    }
}

extension UInt64 {
    /// Nanoseconds as seconds; what would be less than nothing, as clocks of two loops can tell it, is nothing.
    fileprivate var seconds: Double { Int64(bitPattern: self) < 0 ? 0 : Double(self / 1000) / 1e6 }
}
