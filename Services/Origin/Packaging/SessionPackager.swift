import Media

/// Cuts all tracks of a session into parts.
struct SessionPackager {
    /// What one entry of the bus brings about, in order.
    enum Output: Sendable {
        case part(PackagedPart)
        case segmentEnd(TrackID, UInt32, endTime: Int64?)
        case publisherAway
        case publisherBack
        case sessionEnd
    }

    private var tracks: [TrackID: TrackPackager] = [:]
    private var configurations: [TrackID: [UInt16: TrackConfiguration]] = [:]
    private var clock = PresentationClock(anchors: [])
    private var resumptions: [TrackID: TrackPackager.Resumption]
    private var isComplete: Bool
    /// Samples whose configuration is not known.
    private(set) var unknownSampleCount: UInt64 = 0

    /// Creates a packager.
    ///
    /// - Parameters:
    ///   - resumptions: What is stored of each track.
    ///   - isComplete: Whether the first entry it will see is the session's first.
    init(resumptions: [TrackID: TrackPackager.Resumption] = [:], isComplete: Bool) {
        self.resumptions = resumptions
        self.isComplete = isComplete
    }

    /// Learns of configurations and anchors, before the entries that need them.
    mutating func update(configurations: [TrackConfiguration], clock: PresentationClock) {
        for configuration in configurations {
            self.configurations[configuration.track, default: [:]][configuration.generation] = configuration
        }
        self.clock = clock
    }

    /// Entries are missing before the next.
    mutating func loseEntries() {
        isComplete = false
        for track in tracks.keys { tracks[track]?.loseEntries() }
    }

    /// Takes one entry.
    mutating func feed(_ entry: BusEntry, at position: BusPosition) -> [Output] {
        var outputs: [Output] = []
        if entry.flags.contains(.publisherBack) { outputs.append(.publisherBack) }
        for sample in entry.samples { outputs += feed(sample, at: position) }
        if entry.flags.contains(.publisherAway) { outputs.append(.publisherAway) }
        if entry.flags.contains(.endOfSession) { outputs += finish() }
        return outputs
    }

    /// Closes everything: nothing will follow.
    mutating func finish() -> [Output] {
        var outputs: [Output] = []
        for track in tracks.keys.sorted() {
            if let part = tracks[track]?.finish() { outputs.append(.part(part)) }
        }
        return outputs + [.sessionEnd]
    }

    private mutating func feed(_ sample: BusSample, at position: BusPosition) -> [Output] {
        guard let configuration = configurations[sample.track]?[sample.generation] else {
            unknownSampleCount &+= 1
            return []
        }
        if tracks[sample.track] == nil {
            tracks[sample.track] = TrackPackager(
                configuration: configuration,
                clock: clock,
                resumption: resumptions[sample.track],
                // A track that joins a running session begins with its own first sample.
                isComplete: isComplete || sample.sequence == 0
            )
        }
        // In place: a copy would copy the samples that wait.
        let outputs =
            tracks[sample.track]?.feed(sample, at: position, configuration: configuration, clock: clock) ?? []
        if outputs.isEmpty { return [] }
        return outputs.map { output in
            switch output {
            case .part(let part): .part(part)
            case .segmentEnd(let number, let endTime): .segmentEnd(sample.track, number, endTime: endTime)
            }
        }
    }
}
