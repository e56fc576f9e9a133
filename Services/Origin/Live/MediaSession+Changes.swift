import Contracts
import Media

extension MediaSession {
    /// Learns of tracks, configurations, anchors and breaks.
    ///
    /// - Parameter breaks: What a layer's own description names, which may be ahead of the session's.
    func update(
        _ description: SessionDescription,
        configurations: [TrackConfiguration],
        breaks: SessionDescription.Breaks? = nil
    ) {
        change { state in
            let before = state.description.tracks
            state.description = description
            for named in [description.breaks, breaks] {
                guard let named else { continue }
                state.breaks?.learn(named)
                state.breaks = state.breaks ?? SessionBreaks(named)
            }
            for configuration in configurations {
                state.configurations[configuration.track, default: [:]][configuration.generation] =
                    configuration
            }
            if before != description.tracks { state.log.append(.tracksChanged) }
        }
    }

    /// Adds a part that has just been packaged, or read back from the volume.
    func append(_ head: PartHead, media: PartMedia) {
        change { state in
            guard let timescale = state.configurations[head.track]?[head.generation]?.timescale else {
                return
            }
            var timeline =
                state.timelines[head.track] ?? TrackTimeline(track: head.track, timescale: timescale)
            state.timelines[head.track] = nil
            let hadParts = timeline.lastPart != nil
            let breaks = state.noteBreak(of: head, after: timeline.segments.last?.mediaSequence)
            timeline.append(head, media: media, among: breaks)
            state.timelines[head.track] = timeline
            if head.flags.contains(.afterGap) && hadParts { state.log.append(.gap(head.track, head.id)) }
            if head.flags.contains(.discontinuity) { state.log.append(.discontinuity(head.track, head.id)) }
            state.log.append(.part(head))
        }
    }

    /// Learns what marks of tracks tell of breaks, for what is appended afterwards; `heads` are in the order of time.
    func noteBreaks(of heads: some Sequence<PartHead>) {
        change { state in
            var lasts: [TrackID: UInt32] = [:]
            for head in heads {
                state.noteBreak(of: head, after: lasts[head.track])
                lasts[head.track] = head.id.mediaSequence
            }
        }
    }

    func completeSegment(of track: TrackID, _ mediaSequence: UInt32, endTime: Int64?) {
        change { $0.timelines[track]?.completeSegment(mediaSequence, endTime: endTime) }
    }

    /// Where a part is stored matters to no playlist that is not asked for anew.
    func markStored(_ head: PartHead, _ range: StoredRange) {
        caching { $0.timelines[head.track]?.markStored(head.id, range) }
    }

    func setAway(_ isAway: Bool) {
        change { state in
            guard state.isAway != isAway else { return }
            state.isAway = isAway
            state.log.append(isAway ? .publisherAway : .publisherBack)
        }
    }

    /// Recording has failed: live goes on from memory.
    func stopRecording() {
        change { $0.isRecording = false }
    }

    /// Ends the session for its viewers.
    func end() {
        change { state in
            guard !state.isEnded else { return }
            state.isEnded = true
            for track in state.timelines.keys { state.timelines[track]?.end() }
            state.log.append(.end)
        }
        for rendition in renditions { rendition.media.end() }
    }

    /// Another owner has it: whoever waits asks again and finds that one.
    func abandon() {
        change { $0.isAbandoned = true }
        for rendition in renditions { rendition.media.abandon() }
    }

    /// Frees the memory of stored parts that are no longer at the live edge.
    func evictStored() {
        caching { state in
            guard state.isRecording else { return }
            for track in state.timelines.keys {
                state.timelines[track]?.evictStored(keepingSeconds: Self.edgeSeconds)
            }
        }
    }

    /// Frees memory down to `limit` bytes, the same fraction of every track.
    func evict(downTo limit: Int) {
        caching { state in
            let total = state.timelines.values.reduce(0) { $0 + $1.memoryByteCount }
            guard total > limit, total > 0 else { return }
            for track in state.timelines.keys {
                let own = state.timelines[track]?.memoryByteCount ?? 0
                let share = Int(Double(limit) * Double(own) / Double(total))
                state.timelines[track]?.evict(downTo: share, isRecording: state.isRecording)
            }
        }
    }
}

extension MediaSession.State {
    /// What is known of the session's breaks, with what a part of a track tells whose last segment was `last`.
    @discardableResult
    fileprivate mutating func noteBreak(of head: PartHead, after last: UInt32?) -> SessionBreaks {
        var known = breaks ?? SessionBreaks(earlier: head.discontinuitySequence)
        if head.flags.contains(.discontinuity), let last { known.note(head.id.mediaSequence, after: last) }
        breaks = known
        return known
    }
}
