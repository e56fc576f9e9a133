import Contracts
import HLS
import Media
import MediaBus
import Reactor
import Redis
import Sockets
import Telemetry

/// Packages one stream that this replica owns: bus entries in, parts to the session and to the volume.
///
/// Made anywhere, then used on the bus reader's loop only.
final class StreamOwner: BusStreamHandler, @unchecked Sendable {
    // SAFETY: the reader calls its handlers on its own loop only; `session` and `lease` are immutable.

    /// What an owner tells the service that made it, on the loop.
    enum Event: Sendable {
        /// The session is over; everything has been handed to the volume.
        case ended
        /// Another session of the stream has begun.
        case superseded
        /// The lease has run out.
        case leaseLost
        /// The volume refused a part.
        case recordingFailed(SystemCallError)
    }

    /// The most layers of one session, over all the times that its publisher comes back with others.
    static let layerLimit = 16

    let session: MediaSession
    let lease: RedisLease?
    private let volume: Volume
    private let budget: MemoryBudget
    private let measures: OriginMeasures
    private let notify: @Sendable (Event) -> Void
    private var packager: SessionPackager
    private var writers: [TrackID: UInt64] = [:]
    private let epoch: UInt32
    private let cuts: [TrackID: ExtentHeader.Cut]
    private var description: SessionDescription
    private var isFinished = false
    private var isRecording: Bool
    /// Why something of the recording may be missing, also where an earlier owner found it so.
    private(set) var failure: String?
    /// Counts the records that were handed to the volume.
    private var recordCount = 0
    private let recordRetryDelay: Duration
    private let layerSource: LayerSource?
    private let storedLayers: [TrackID: PartHead]
    private var layers: [LayerFeed] = []

    /// Creates the owner of a session.
    ///
    /// - Parameters:
    ///   - stored: What an earlier owner has left on the volume.
    ///   - layers: Where the layers of its picture are read, `nil` where they are left out.
    ///   - recordRetryDelay: When a record that the volume refused is written again.
    ///   - notify: Called on the reader's loop.
    init(
        session: MediaSession,
        description: SessionDescription,
        stored: SessionFolder.Contents?,
        lease: RedisLease?,
        volume: Volume,
        budget: MemoryBudget,
        measures: OriginMeasures,
        layers: LayerSource? = nil,
        recordRetryDelay: Duration = .seconds(5),
        notify: @escaping @Sendable (Event) -> Void
    ) {
        self.recordRetryDelay = recordRetryDelay
        layerSource = layers
        self.session = session
        self.description = description
        self.lease = lease
        self.volume = volume
        self.budget = budget
        self.measures = measures
        self.notify = notify
        epoch = stored?.nextEpoch ?? 1
        cuts = stored?.logs.compactMapValues { $0.cut } ?? [:]
        isRecording = description.record
        failure = stored?.record.lastingFailure
        let lasts = stored?.lasts ?? [:]
        storedLayers = lasts.filter(\.key.isLayer)
        let resumptions = lasts.filter { !$0.key.isLayer }.mapValues { TrackPackager.Resumption(last: $0) }
        packager = SessionPackager(resumptions: resumptions, isComplete: true)
    }

    /// Where the bus is read from: after what is stored of every track, else from the beginning.
    static func start(
        after stored: SessionFolder.Contents?,
        in description: SessionDescription
    ) -> BusStart {
        let lasts = (stored?.lasts ?? [:]).filter { !$0.key.isLayer }
        let isWhole = description.tracks.allSatisfy { track in
            let track = TrackID(rawValue: track.track)
            return track.isLayer || lasts[track] != nil
        }
        guard isWhole, let first = lasts.values.map(\.position).min() else { return .beginning }
        return start(after: first)
    }

    private static func start(after position: BusPosition) -> BusStart {
        // The entry that holds a part's last sample may hold the next part's first.
        .after(BusEntryID(epoch: UInt64(position.epoch), counter: position.counter &- 1))
    }

    // MARK: BusStreamHandler

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        guard !isFinished else { return }
        guard session.sessionId == self.session.sessionID else {
            finish()
            return notify(.superseded)
        }
        packager.update(configurations: tracks, clock: PresentationClock(session))
        followLayers(of: session)
        describe(session, adding: tracks)
    }

    /// Takes a new description, in which the layers are tracks beside the publisher's own.
    private func describe(
        _ session: SessionDescription,
        adding configurations: [TrackConfiguration],
        breaks: SessionDescription.Breaks? = nil
    ) {
        description = session
        description.tracks = session.tracks.filter { !TrackID(rawValue: $0.track).isLayer }
        description.tracks += layers.filter(\.isFollowed).compactMap(\.current).sorted { $0.track < $1.track }
        self.session.update(description, configurations: configurations, breaks: breaks)
        writeRecord(isRecording ? .recording : .failed)
    }

    func receive(_ entry: BusEntry, id: BusEntryID) {
        guard !isFinished else { return }
        guard lease?.isHeld ?? true else { return abandon() }
        let position = BusPosition(epoch: UInt32(clamping: id.epoch), counter: id.counter)
        for output in packager.feed(entry, at: position) { perform(output) }
    }

    func gap(after last: BusEntryID?, next: BusEntryID) {
        measures.gaps.increment()
        packager.loseEntries()
    }

    func ended(_ reason: BusStreamEnd) {
        guard !isFinished else { return }
        for output in packager.finish() { perform(output) }
    }

    // MARK: Layers

    /// Follows what carries layers now, and nothing more.
    private func followLayers(of session: SessionDescription) {
        let names = (session.layers ?? []).compactMap(\.rendition).compactMap { RenditionName(parsing: $0) }
        for layer in layers where !names.contains(layer.name) { unfollow(layer) }
        for name in names {
            if let layer = layer(name) { follow(layer) }
        }
    }

    /// The feed of a layer, which is made once, for what it has packaged is not to be packaged again.
    private func layer(_ name: RenditionName) -> LayerFeed? {
        if let known = layers.first(where: { $0.name == name }) { return known }
        guard let track = name.layerTrack, layers.count < Self.layerLimit,
            !layers.contains(where: { $0.track == track })
        else { return nil }
        let resumption = storedLayers[track].map { TrackPackager.Resumption(last: $0) }
        let new = LayerFeed(name, resuming: resumption) { [weak self] event in self?.take(event) }
        if let new { layers.append(new) }
        return new
    }

    private func follow(_ layer: LayerFeed) {
        guard let layerSource, !layer.isFollowed else { return }
        layer.isFollowed = true
        let stored = storedLayers[layer.track].map { Self.start(after: $0.position) }
        layerSource.follow(layer.name, layer.last.map(BusStart.after) ?? stored ?? .beginning, layer)
    }

    private func unfollow(_ layer: LayerFeed) {
        guard layer.isFollowed else { return }
        layer.isFollowed = false
        layerSource?.unfollow(layer.name)
        layer.finish()
    }

    private func unfollowLayers() {
        for layer in layers where layer.isFollowed { layerSource?.unfollow(layer.name) }
        layers = []
    }

    private func take(_ event: LayerFeed.Event) {
        guard !isFinished else { return }
        switch event {
        case .configured(let configurations, let breaks):
            describe(description, adding: configurations, breaks: breaks)
        case .packaged(let outputs):
            guard lease?.isHeld ?? true else { return abandon() }
            for output in outputs { perform(output) }
        case .gap: measures.gaps.increment()
        }
    }

    // MARK: The session

    private func perform(_ output: SessionPackager.Output) {
        switch output {
        case .part(let part): publish(part)
        case .segmentEnd(let track, let number, let endTime):
            session.completeSegment(of: track, number, endTime: endTime)
        case .publisherAway: session.setAway(true)
        case .publisherBack: session.setAway(false)
        case .sessionEnd:
            guard !isFinished else { return }
            finish()
            notify(.ended)
        }
    }

    private func publish(_ part: PackagedPart) {
        measures.parts.increment()
        measures.partBytes.increment(by: UInt64(part.bytes.count))
        session.setAway(false)
        session.append(
            part.head,
            media: PartMedia(bytes: part.bytes, range: nil, byteCount: part.bytes.count)
        )
        record(part)
        if part.head.id.part == 0 { session.evictStored() }
        session.evict(downTo: budget.share)
    }

    private func record(_ part: PackagedPart) {
        guard isRecording else { return }
        let session = session
        volume.append(part, writer: writer(for: part)) { [self, loop = budget.loop] result in
            switch result {
            case .success(let range): session.markStored(part.head, range)
            case .failure(let error): loop.execute { self.stopRecording(error) }
            }
        }
    }

    private func stopRecording(_ error: SystemCallError) {
        guard isRecording else { return }
        isRecording = false
        failure = failure ?? "\(error)"
        session.stopRecording()
        closeWriters()
        writeRecord(.failed)
        notify(.recordingFailed(error))
    }

    private func writer(for part: PackagedPart) -> UInt64 {
        let track = part.head.track
        if let writer = writers[track] { return writer }
        let folder = session.folder
        let name = ExtentName(track: track, epoch: epoch, number: 0)
        let cut = cuts[track]
        let timescale = session.timescale(of: part.head)
        let writer = volume.addWriter {
            TrackLogWriter(folder: folder, name: name, cut: cut, timescale: timescale)
        }
        writers[track] = writer
        return writer
    }

    private func closeWriters() {
        for writer in writers.values { volume.removeWriter(writer) }
        writers = [:]
    }

    private func finish() {
        for layer in layers { layer.finish() }
        isFinished = true
        unfollowLayers()
        session.end()
        closeWriters()
        writeRecord(failure == nil ? .complete : .failed)
    }

    /// Stops serving and writing, without ending the session for its viewers.
    func abandon() {
        guard !isFinished else { return }
        isFinished = true
        unfollowLayers()
        closeWriters()
        session.abandon()
        notify(.leaseLost)
    }

    /// Hands everything to the volume before the process ends; the session goes on elsewhere.
    func handOver() {
        guard !isFinished else { return }
        isFinished = true
        unfollowLayers()
        closeWriters()
        session.abandon()
    }

    private func writeRecord(_ state: SessionRecord.State) {
        guard description.record else { return }
        recordCount += 1
        let count = recordCount
        let folder = SessionFolder(path: session.folder)
        let record = SessionRecord(
            description: description,
            configurations: session.allConfigurations.map(TrackDescription.init),
            state: state,
            failure: failure,
            updatedAt: Timestamp.now
        )
        let (measures, loop, delay) = (measures, budget.loop, recordRetryDelay)
        volume.perform {
            do {
                try folder.write(record)
            } catch {
                measures.recordFailures.increment()
                // What has been deleted meanwhile needs no record.
                guard FileSystem.exists(folder.path) else { return }
                loop.execute { loop.schedule(after: delay) { self.writeAgain(count, state) } }
            }
        }
    }

    /// Tries once more, so that a volume that was full does not hold the session for one that goes on; a newer record
    /// has taken the place of an older one.
    private func writeAgain(_ count: Int, _ state: SessionRecord.State) {
        if recordCount == count { writeRecord(state) }
    }
}

extension MediaSession {
    var allConfigurations: [TrackConfiguration] {
        read { state in
            state.configurations.values.flatMap(\.values).sorted {
                ($0.track, $0.generation) < ($1.track, $1.generation)
            }
        }
    }

    func timescale(of head: PartHead) -> UInt32 {
        read { $0.configurations[head.track]?[head.generation]?.timescale ?? 90_000 }
    }
}
