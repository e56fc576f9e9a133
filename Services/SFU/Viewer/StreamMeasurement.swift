/// How one viewer fares, in short.
struct ViewerSummary: Encodable, Sendable {
    private enum CodingKeys: String, CodingKey {
        case id, why, bitrate, roundTrip, loss, layer, freezes, freezeSeconds
    }

    var id: String
    /// The code of what is to be said of it.
    var why: String
    /// Bits a second that it is sent.
    var bitrate: Int
    /// Seconds.
    var roundTrip: Double?
    /// The share that was lost lately, from 0 to 1.
    var loss: Double
    /// The layer of a simulcast.
    var layer: String?
    var freezes: UInt64
    var freezeSeconds: Double
    var isFrozen = false

    /// The higher, the worse it fares.
    var trouble: Double {
        let isWell = why == "playing" || why == "connecting"
        return (isFrozen ? 10 : 0) + (isWell ? 0 : 5) + 5 * loss + min(1, roundTrip ?? 0)
    }
}

/// How the viewers of one stream fare at one moment: those with the most trouble each, the others as one.
struct StreamMeasurement: Encodable, Sendable {
    /// Several viewers as one.
    struct Rest: Encodable, Sendable {
        private enum CodingKeys: CodingKey { case count, bitrate, roundTrip, loss, freezes }

        private(set) var count = 0
        /// Bits a second, all together.
        private var bitrate = 0
        private var loss = 0.0
        private var roundTrip = 0.0
        private var roundTripCount = 0
        private var freezes: UInt64 = 0

        mutating func add(_ viewer: ViewerSummary) {
            count += 1
            bitrate += viewer.bitrate
            loss += viewer.loss
            freezes &+= viewer.freezes
            guard let roundTrip = viewer.roundTrip else { return }
            self.roundTrip += roundTrip
            roundTripCount += 1
        }

        mutating func add(_ other: Self) {
            count += other.count
            bitrate += other.bitrate
            loss += other.loss
            freezes &+= other.freezes
            roundTrip += other.roundTrip
            roundTripCount += other.roundTripCount
        }

        /// Round trip and loss are told as the mean.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(count, forKey: .count)
            try container.encode(bitrate, forKey: .bitrate)
            try container.encode(freezes, forKey: .freezes)
            try container.encode(count > 0 ? loss / Double(count) : 0, forKey: .loss)
            guard roundTripCount > 0 else { return }
            try container.encode(roundTrip / Double(roundTripCount), forKey: .roundTrip)
        }
    }

    /// Viewers that are told of one by one.
    static let itemLimit = 20

    /// The worst first.
    private(set) var items: [ViewerSummary] = []
    private(set) var rest = Rest()

    var count: Int { items.count + rest.count }

    mutating func add(_ viewer: ViewerSummary) {
        let trouble = viewer.trouble
        let index = items.firstIndex { $0.trouble < trouble } ?? items.count
        guard index < Self.itemLimit else { return rest.add(viewer) }
        items.insert(viewer, at: index)
        if items.count > Self.itemLimit { rest.add(items.removeLast()) }
    }

    mutating func add(_ other: Self) {
        rest.add(other.rest)
        for viewer in other.items { add(viewer) }
    }
}
