import Contracts

extension ShardFeeds {
    /// Viewers from which on their sound waits for pictures.
    private static let waitingAudience = 200

    /// Decides whether what has come of a feed is sent now, or is sound that waits for the next picture: a run of its
    /// own for every viewer costs as much as a picture, where there are many.
    ///
    /// Sound that has waited goes with the picture, as one packet: a second one would need a run of its own again.
    ///
    /// - Returns: Whether there is something to send now.
    func releases(_ delivery: FeedDelivery, of feed: ShardFeed, at now: UInt64) -> Bool {
        if delivery.isSoundAlone, feed.soundMayWait(Self.waitingAudience),
            pictures(of: feed.name.streamID, flowAt: now)
        {
            keepWaiting(feed)
            return false
        }
        feed.releaseSound(merging: !delivery.isSeed && feed.soundMayWait(Self.waitingAudience))
        for other in takeWaiting(of: feed.name.streamID) {
            other.releaseSound(merging: other.soundMayWait(Self.waitingAudience))
        }
        return true
    }
}

extension ShardFeed {
    /// Whether its sound has so many viewers that it may wait for pictures, and nobody takes it without.
    fileprivate func soundMayWait(_ audienceFloor: Int) -> Bool {
        audience.members.count >= audienceFloor && listenerCount == 0
    }
}
