import Contracts

/// One feed as one shard has it: its newest packets and who is sent them.
final class ShardFeed {
    let name: BusStreamName
    private(set) var videoRing: PacketRing
    private(set) var audioRing: PacketRing
    private(set) var timeline = SessionTimeline()
    private(set) var isAway = false
    private(set) var problem: FeedProblem?
    private(set) var hasEnded = false
    /// Who takes its pictures or its sound, by session.
    var viewers: [String: Viewer] = [:]

    init(_ name: BusStreamName, byteLimit: Int) {
        self.name = name
        videoRing = PacketRing(byteLimit: byteLimit)
        audioRing = PacketRing(byteLimit: byteLimit / 16)
    }

    func take(_ delivery: FeedDelivery) {
        for event in delivery.events { take(event) }
        for block in delivery.video { videoRing.append(block) }
        for block in delivery.audio { audioRing.append(block) }
        timeline = delivery.timeline
    }

    private func take(_ event: FeedDelivery.Event) {
        switch event {
        case .broken: videoRing.removeAll()
        case .away(let isAway): self.isAway = isAway
        case .unplayable(let problem): self.problem = problem
        case .ended: hasEnded = true
        }
    }
}
