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

    // Few tracks, looked up for every sample: an array is searched faster than a table, and changed in place.
    private var tracks: [TrackPackager] = []
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
        for index in tracks.indices {
            let current = tracks[index].configuration
            let new = self.configurations[current.track]?[current.generation] ?? current
            tracks[index].update(configuration: new, clock: clock)
        }
    }

    /// Entries are missing before the next.
    mutating func loseEntries() {
        isComplete = false
        for index in tracks.indices { tracks[index].loseEntries() }
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
        tracks.sort { $0.configuration.track < $1.configuration.track }
        for index in tracks.indices {
            if let part = tracks[index].finish() { outputs.append(.part(part)) }
        }
        return outputs + [.sessionEnd]
    }

    private mutating func feed(_ sample: BusSample, at position: BusPosition) -> [Output] {
        guard let index = packager(of: sample) else {
            unknownSampleCount &+= 1
            return []
        }
        return tracks[index].feed(sample, at: position).map { output in
            switch output {
            case .part(let part): .part(part)
            case .segmentEnd(let number, let endTime): .segmentEnd(sample.track, number, endTime: endTime)
            }
        }
    }

    /// Where the packager of a sample's track is, which knows the sample's configuration.
    private mutating func packager(of sample: BusSample) -> Int? {
        let index = tracks.firstIndex { $0.configuration.track == sample.track }
        if let index, tracks[index].configuration.generation == sample.generation { return index }
        guard let configuration = configurations[sample.track]?[sample.generation] else { return nil }
        if let index {
            tracks[index].expect(configuration)
            return index
        }
        tracks.append(
            TrackPackager(
                configuration: configuration,
                clock: clock,
                resumption: resumptions[sample.track],
                // A track that joins a running session begins with its own first sample.
                isComplete: isComplete || sample.sequence == 0
            )
        )
        return tracks.count - 1
    }
}
