import Contracts

/// One layer of a simulcast, as viewers choose among them.
struct FeedLayer: Sendable, Equatable {
    /// Bits a second for each pixel, where nobody has measured yet.
    fileprivate static let guessedBitsPerPixel = 2
    /// More than any layer has.
    fileprivate static let bitrateLimit = 1_000_000_000

    /// The publisher's name for it; where a layer falls silent, its feed carries another.
    var rid: String
    /// The feed that carries it.
    var feed: BusStreamName
    var width: Int
    var height: Int
    /// Bits a second that it is thought to need, until that is measured.
    var bitrate: Int

    /// The layers of a session, the smallest first; none where there is no simulcast.
    static func all(of session: SessionDescription) -> [FeedLayer] {
        let layers = (session.layers ?? []).compactMap { FeedLayer($0, of: session.streamId) }
        return layers.count > 1 ? layers.reversed() : []
    }

    /// Whether it is the same layer in the same place; bitrates change all the time.
    func isSame(as other: FeedLayer) -> Bool {
        rid == other.rid && feed == other.feed && width == other.width && height == other.height
    }

    /// The request for a keyframe of it.
    var keyframeRequest: KeyframeRequest { RenditionName.layer(rid).map { .layer($0) } ?? .all }
}

extension FeedLayer {
    fileprivate init?(_ layer: SessionDescription.Layer, of streamID: String) {
        let rendition = layer.rendition.flatMap { RenditionName(parsing: $0) }
        guard (rendition == nil) == (layer.rendition == nil) else { return nil }
        // The description is another service's; sizes beyond all pictures are taken for the largest.
        let width = min(max(0, layer.width), 1 << 16)
        let height = min(max(0, layer.height), 1 << 16)
        let guess = max(1, width * height * Self.guessedBitsPerPixel)
        self.init(
            rid: layer.rid,
            feed: BusStreamName(streamID, rendition: rendition),
            width: width,
            height: height,
            bitrate: layer.bitrate > 0 ? min(layer.bitrate, Self.bitrateLimit) : guess
        )
    }
}
