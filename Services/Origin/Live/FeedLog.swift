import Media

/// What has happened in a session lately, in the order that feeds tell it.
struct FeedLog: Sendable {
    enum Event: Sendable, Equatable {
        case part(PartHead)
        /// The track lacks what came between two parts.
        case gap(TrackID, PartID)
        case discontinuity(TrackID, PartID)
        case tracksChanged
        case publisherAway
        case publisherBack
        case end
    }

    /// Two minutes of four tracks.
    private static let capacity = 4096

    /// The number of the first event that is kept.
    private(set) var start: UInt64 = 0
    private var events: [Event] = []

    /// The number that the next event will have.
    var end: UInt64 { start &+ UInt64(events.count) }

    mutating func append(_ event: Event) {
        if events.count >= Self.capacity {
            events.removeFirst(Self.capacity / 4)
            start &+= UInt64(Self.capacity / 4)
        }
        events.append(event)
    }

    /// The events from `index` on, or `nil` where they are no longer kept.
    func events(from index: UInt64) -> ArraySlice<Event>? {
        guard index >= start else { return nil }
        guard index < end else { return [] }
        return events[Int(index - start)...]
    }
}
