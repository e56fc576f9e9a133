/// In what portions the viewers of a replica that stops are sent on, so that where they go they are answered at once.
struct DrainPlan {
    /// From one portion to the next.
    static let interval = Duration.milliseconds(50)
    /// Viewers of one portion at least.
    private static let least = 64

    /// The names of their sessions.
    let portions: [ArraySlice<String>]

    /// Spreads sessions over `time`, or less where they are few.
    init(_ sessions: [String], over time: Duration) {
        let rounds = max(1, Int(time / Self.interval))
        let count = max(Self.least, (sessions.count + rounds - 1) / rounds)
        portions = stride(from: 0, to: sessions.count, by: count).map { start in
            sessions[start..<min(start + count, sessions.count)]
        }
    }
}
