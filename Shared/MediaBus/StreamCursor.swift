import Media

/// Where a reader is in one stream, and what is to be done with the next entry.
struct StreamCursor: Sendable {
    enum Step: Sendable, Equatable {
        /// Hand it over.
        case deliver
        /// Report a gap after the entry with this ID, where there was one, then hand it over.
        case deliverAfterGap(BusEntryID?)
        /// Read the description first, then come again with the same entry.
        case describe
        /// Leave it out: it is old, or waits for a keyframe.
        case skip
    }

    /// The newest entry that has been looked at.
    private(set) var last: BusEntryID
    /// The newest entry that was handed over.
    private var delivered: BusEntryID?
    private var isWaitingForKeyframe = false
    private var describedEpoch: UInt64
    private var describedChange: BusEntryID?
    private var awaitsDescription: BusEntryID?

    /// Creates a cursor that continues after `last`.
    ///
    /// - Parameters:
    ///   - hasHistory: Whether `last` has been handed over before; else it is only the place to begin.
    ///   - epoch: The epoch of the description that has been read.
    init(after last: BusEntryID, hasHistory: Bool, describedEpoch epoch: UInt64) {
        self.last = last
        delivered = hasHistory ? last : nil
        describedEpoch = epoch
    }

    /// Creates a cursor before the first entry of `epoch`.
    init(atBeginningOf epoch: UInt64) {
        self.init(after: BusEntryID(epoch: epoch, counter: 0), hasHistory: false, describedEpoch: epoch)
    }

    /// Decides about an entry; `nil` stands for bytes that are none.
    mutating func step(_ id: BusEntryID, _ entry: BusEntry?) -> Step {
        guard id > last else { return .skip }
        guard let entry else {
            last = id
            isWaitingForKeyframe = true
            return .skip
        }
        if mustDescribe(id, entry) {
            awaitsDescription = id
            return .describe
        }
        let follows = id == successor(of: last) || id.epoch > last.epoch && id.counter == 1
        last = id
        if !follows { isWaitingForKeyframe = true }
        if isWaitingForKeyframe { return deliverAfterGap(id, entry) }
        delivered = id
        return .deliver
    }

    /// Takes note that the description, of an epoch, has been read for the entry that asked for it.
    mutating func described(until epoch: UInt64) {
        describedEpoch = max(epoch, describedEpoch)
        // An entry of an epoch that the description does not know yet is not waited for for ever.
        if let awaitsDescription { describedEpoch = max(describedEpoch, awaitsDescription.epoch) }
        describedChange = awaitsDescription
    }

    private mutating func deliverAfterGap(_ id: BusEntryID, _ entry: BusEntry) -> Step {
        let ends = !entry.flags.isDisjoint(with: [.endOfSession, .publisherAway])
        guard entry.keyframeCounter == id.counter || ends else { return .skip }
        isWaitingForKeyframe = entry.keyframeCounter != id.counter
        defer { delivered = id }
        return .deliverAfterGap(delivered)
    }

    private func mustDescribe(_ id: BusEntryID, _ entry: BusEntry) -> Bool {
        if id.epoch > describedEpoch { return true }
        return entry.flags.contains(.tracksChanged) && describedChange != id
    }

    private func successor(of id: BusEntryID) -> BusEntryID {
        BusEntryID(epoch: id.epoch, counter: id.counter &+ 1)
    }
}
