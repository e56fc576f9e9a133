import LoadClip
import Reactor

/// All publishers on one event loop, in real time.
actor Generator {
    /// What is printed at the end.
    struct Report: Codable {
        var publishers: Int
        var publishing: Int
        var seconds: Double
        var bytesSent: Int
        var messagesSent: Int
        var megabitsPerSecond: Double
        var sendStalls: Int
        var longestStallMilliseconds: Double
        /// How late the latest frame was handed to its socket.
        var longestLagMilliseconds: Double
        var slowestSetUpMilliseconds: Double
        var outageCount: Int
        /// The first of them; a server that goes away makes one for every publisher.
        var outages: [Publisher.Outage]
    }

    private static let outagesInReport = 20

    private static let tickInterval = Duration.milliseconds(5)

    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var publishers: [Publisher] = []
    private var isFinished = false
    private let began = EventLoop.now

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Publishes `clip` to every address, the connections spread over `ramp` seconds, and reports.
    func run(_ addresses: [RTMPAddress], _ clip: Clip, seconds: Double, ramp: Double) async throws -> Report {
        for (number, address) in addresses.enumerated() {
            let delay = ramp * 1e9 * Double(number) / Double(addresses.count)
            publishers.append(
                Publisher(
                    number: number,
                    address: address,
                    clip: clip,
                    loop: loop,
                    began: began,
                    delay: UInt64(delay)
                )
            )
        }
        scheduleTick()
        try await loop.sleep(for: .seconds(seconds))
        let report = report()
        isFinished = true
        for publisher in publishers { publisher.finish(at: EventLoop.now) }
        return report
    }

    private func scheduleTick() {
        loop.schedule(after: Self.tickInterval) { self.assumeIsolated { $0.tick() } }
    }

    private func tick() {
        guard !isFinished else { return }
        let now = EventLoop.now
        for publisher in publishers { publisher.tick(at: now) }
        scheduleTick()
    }

    private func report() -> Report {
        let publishing = publishers.count { $0.isPublishing }
        let now = EventLoop.now
        for publisher in publishers where !publisher.isPublishing { publisher.finish(at: now) }
        let figures = publishers.map(\.figures)
        let seconds = Double(now - began) / 1e9
        let bytesSent = figures.reduce(0) { $0 + $1.sentByteCount }
        let outages = figures.flatMap(\.outages).sorted { $0.atSeconds < $1.atSeconds }
        return Report(
            publishers: publishers.count,
            publishing: publishing,
            seconds: seconds,
            bytesSent: bytesSent,
            messagesSent: figures.reduce(0) { $0 + $1.sentMessageCount },
            megabitsPerSecond: Double(bytesSent) * 8 / seconds / 1e6,
            sendStalls: figures.reduce(0) { $0 + $1.stallCount },
            longestStallMilliseconds: Self.milliseconds(figures.map(\.longestStall).max()),
            longestLagMilliseconds: Self.milliseconds(figures.map(\.longestLag).max()),
            slowestSetUpMilliseconds: Self.milliseconds(figures.compactMap(\.setUp).max()),
            outageCount: outages.count,
            outages: Array(outages.prefix(Self.outagesInReport))
        )
    }

    private static func milliseconds(_ nanoseconds: UInt64?) -> Double {
        Double(nanoseconds ?? 0) / 1e6
    }
}
