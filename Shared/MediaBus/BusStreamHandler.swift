public import Contracts
public import Media

/// Who is told what happens to one stream of the bus; called on the reader's event loop, in order.
///
/// `tracksChanged` comes first, and again whenever the description changes, before the entries it is about.
public protocol BusStreamHandler: AnyObject, Sendable {
    /// The session, or the configurations in the ring, are these now; all generations still in the ring are
    /// listed, and `session.tracks` names the current ones.
    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration])

    /// The next entry.
    func receive(_ entry: BusEntry, id: BusEntryID)

    /// Entries are missing: what follows begins with an entry that holds a keyframe, at `next`.
    func gap(after last: BusEntryID?, next: BusEntryID)

    /// The session is over, and the stream is followed no longer.
    func ended(_ reason: BusStreamEnd)
}

/// Why a stream is followed no longer.
public enum BusStreamEnd: Sendable, Equatable {
    /// Its writer ended the session.
    case endOfSession
    /// Nobody has written for longer than the grace time.
    case abandoned
}

/// Where a reader begins in a stream.
public enum BusStart: Sendable, Equatable {
    /// At the newest keyframe: for viewers.
    case newestKeyframe
    /// At the oldest entry of the session's current epoch that is still in the ring: for recorders.
    case beginning
    /// After an entry that has been handled before; a gap is reported where the ring begins later.
    case after(BusEntryID)
}
