import RTP

/// Which layer of a simulcast one viewer gets, and why.
struct LayerChoice {
    /// What the viewer wants.
    var wish = LayerWish()
    private var selector = LayerSelector()
    /// The layers by the numbers that the selector knows them by.
    private var rids: [String] = []
    /// Times that another layer was begun.
    private(set) var switchCount: UInt64 = 0

    /// Why the layer is what it is.
    var reason: LayerSelector.Reason { selector.reason }

    /// Chooses among layers, the smallest first, with what they need, 0 for one that is not sent.
    ///
    /// - Parameter current: The layer that the viewer gets now.
    /// - Returns: the number of the layer to go over to, or `nil` where none is sent.
    mutating func choose(
        among layers: [FeedLayer],
        bitrates: [Int],
        current: Int?,
        estimate: Int,
        now: UInt64
    ) -> Int? {
        renumber(layers.map(\.rid))
        if let current { selector.begin(current) }
        selector.wish = wish.rid.flatMap { rids.firstIndex(of: $0) }
        selector.limit = wish.maximumHeight.map { height in
            // Where all are larger, the smallest is the nearest.
            layers.lastIndex { $0.height <= height } ?? 0
        }
        selector.choose(bitrates: bitrates, estimate: estimate, now: now)
        return selector.target
    }

    /// Takes note that another layer has begun.
    mutating func noteSwitch() { switchCount &+= 1 }

    private mutating func renumber(_ rids: [String]) {
        guard rids != self.rids else { return }
        let old = self.rids
        selector.renumber { old.indices.contains($0) ? rids.firstIndex(of: old[$0]) : nil }
        self.rids = rids
    }
}
