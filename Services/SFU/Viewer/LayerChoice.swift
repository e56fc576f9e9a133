import Contracts
import RTP

/// Which layer of a simulcast one viewer gets, and why.
struct LayerChoice {
    /// What the viewer wants.
    var wish = LayerWish()
    private var selector = LayerSelector()
    /// The layers by the numbers that the selector knows them by.
    private var feeds: [BusStreamName] = []
    /// Times that another layer was begun.
    private(set) var switchCount: UInt64 = 0

    /// Why the layer is what it is.
    var reason: LayerSelector.Reason { selector.reason }

    /// Whether a smaller layer is to be sent, as the path does not carry the one that is.
    var isRetreating: Bool {
        guard let current = selector.current, let target = selector.target else { return false }
        return target < current && selector.reason == .bandwidth
    }

    /// Chooses among layers, the smallest first, with what they need, 0 for one that is not sent.
    ///
    /// - Parameters:
    ///   - current: The layer that the viewer gets now.
    ///   - estimate: Bits a second that the path is thought to carry of pictures.
    /// - Returns: the number of the layer to go over to, or `nil` where none is sent.
    mutating func choose(
        among layers: [FeedLayer],
        bitrates: [Int],
        current: Int?,
        estimate: Int,
        now: UInt64
    ) -> Int? {
        renumber(layers.map(\.feed))
        if let current { selector.begin(current) }
        selector.wish = wish.rid.flatMap { rid in layers.firstIndex { $0.rid == rid } }
        selector.limit = wish.maximumHeight.map { Self.largest(of: layers, upTo: $0) }
        selector.choose(bitrates: bitrates, estimate: estimate, now: now)
        return selector.target
    }

    /// The largest layer that the viewer takes where its path carries it, `nil` where it takes one in any case.
    func largest(of layers: [FeedLayer]) -> Int? {
        guard wish.rid == nil, !layers.isEmpty else { return nil }
        return wish.maximumHeight.map { Self.largest(of: layers, upTo: $0) } ?? layers.count - 1
    }

    /// The largest layer up to a height; where all are larger, the smallest is the nearest.
    private static func largest(of layers: [FeedLayer], upTo height: Int) -> Int {
        layers.lastIndex { $0.height <= height } ?? 0
    }

    /// Takes note that another layer has begun.
    mutating func noteSwitch() { switchCount &+= 1 }

    private mutating func renumber(_ feeds: [BusStreamName]) {
        guard feeds != self.feeds else { return }
        let old = self.feeds
        selector.renumber { old.indices.contains($0) ? feeds.firstIndex(of: old[$0]) : nil }
        self.feeds = feeds
    }
}
