import Reactor
import Synchronization

/// What became of the sessions that ended lately and of the offers that were refused: for who asks why nothing plays.
final class EndedViewers: Sendable {
    private struct Entry {
        var report: ViewerReport
        var time: UInt64
    }

    /// How long they are told of.
    private static let lifetime: UInt64 = 120_000_000_000
    /// The newest of each stream, and the streams.
    private static let perStream = 32
    private static let streamLimit = 512

    private let state = Mutex<[String: [Entry]]>([:])

    func add(_ report: ViewerReport, streamID: String) {
        state.withLock { state in
            if state[streamID] == nil, state.count >= Self.streamLimit { state = [:] }
            state[streamID, default: []].append(Entry(report: report, time: EventLoop.now))
            if let count = state[streamID]?.count, count > Self.perStream { state[streamID]?.removeFirst() }
        }
    }

    /// The newest first.
    func all(of streamID: String) -> [ViewerReport] {
        let now = EventLoop.now
        return state.withLock { state in
            (state[streamID] ?? []).filter { now &- $0.time < Self.lifetime }.map(\.report).reversed()
        }
    }
}
