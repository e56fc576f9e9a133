import HLS
import Media

/// Bytes that a response may need: in memory, on the volume, or both.
struct PartMedia: Sendable {
    var bytes: [UInt8]?
    var range: StoredRange?
    var byteCount: Int
}

/// One part that can be listed and fetched on its own.
struct TimelinePart: Sendable {
    var head: PartHead
    var media: PartMedia

    var id: PartID { head.id }
}

/// One segment of a track, whole or growing.
struct TimelineSegment: Sendable {
    var mediaSequence: UInt32
    var generation: UInt16
    var decodeTime: Int64
    /// The length in the track's timescale so far.
    var duration: Int64
    var discontinuitySequence: UInt32
    var isDiscontinuity = false
    var isIndependent = false
    var isGap = false
    var isComplete = false
    var programDateTime: Int64
    var partCount = 0
    var byteCount = 0
    /// The most samples a second of its track, over spans that end in it; 0 before there is one.
    var peakRate = 0.0
    /// The samples a second of its track over ``TrackTimeline/steadySpan`` up to its first part; 0 before there is as much.
    var steadyRate = 0.0
    /// Whether media of the track are missing right before it.
    var isAfterGap = false
    /// Where its parts are stored, adjoining ones merged.
    var ranges: [StoredRange] = []
    var storedPartCount = 0

    var isStored: Bool { isGap || storedPartCount == partCount }
}

/// What is known of one track: all segments of the session, and the parts of the last minute.
struct TrackTimeline: Sendable {
    /// How long parts stay listed and, where memory allows, in memory, in seconds.
    static let windowSeconds: Int64 = 60
    /// The least time over which samples are counted for a rate, in seconds: much longer than publishers' clocks tremble.
    static let rateSpan = 2.0
    /// The time over which a rate is so sure that 30 a second can be told from 30,000 in 1,001 seconds, in seconds.
    static let steadySpan = 30.0
    /// Lost segments that are listed one by one; a longer loss is a jump of the media sequence's base.
    private static let maximumGap: UInt32 = 3600

    let track: TrackID
    let timescale: Int64
    private(set) var segments: [TimelineSegment] = []
    private(set) var parts: [TimelinePart] = []
    /// The first segment of the live playlist; it only rises.
    private(set) var windowStart = 0
    /// The bytes of parts in memory.
    private(set) var memoryByteCount = 0
    private(set) var isEnded = false
    /// Parts before this one are not in memory.
    private var firstInMemory = 0

    init(track: TrackID, timescale: UInt32) {
        self.track = track
        self.timescale = Int64(max(1, timescale))
    }

    /// The newest part.
    var lastPart: PartHead? { parts.last?.head }

    var growing: TimelineSegment? {
        guard let last = segments.last, !last.isComplete else { return nil }
        return last
    }

    /// How far the track has come, for blocking reloads.
    var edge: LiveEdge {
        guard let last = segments.last else { return LiveEdge(isEnded: isEnded) }
        if last.isComplete {
            return LiveEdge(
                growingMediaSequence: last.mediaSequence &+ 1,
                growingPartCount: 0,
                lastPartCount: last.partCount,
                isEnded: isEnded
            )
        }
        let before = segments.count >= 2 ? segments[segments.count - 2].partCount : 0
        return LiveEdge(
            growingMediaSequence: last.mediaSequence,
            growingPartCount: last.partCount,
            lastPartCount: before,
            isEnded: isEnded
        )
    }

    func seconds(_ ticks: Int64) -> Double { Double(ticks) / Double(timescale) }

    /// The media time from the first segment to the newest part, in seconds.
    var spannedSeconds: Double {
        guard let first = segments.first, let last = segments.last else { return 0 }
        return seconds(last.decodeTime &+ last.duration &- first.decodeTime)
    }

    func index(of mediaSequence: UInt32) -> Int? {
        guard let first = segments.first?.mediaSequence, mediaSequence >= first else { return nil }
        let index = Int(mediaSequence - first)
        return index < segments.count ? index : nil
    }

    func part(_ id: PartID) -> TimelinePart? {
        partIndex(id).map { parts[$0] }
    }

    private func partIndex(_ id: PartID) -> Int? {
        var low = 0
        var high = parts.count
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < parts.count && parts[low].id == id ? low : nil
    }

    /// The parts of a segment that are still in the window.
    func parts(of mediaSequence: UInt32) -> ArraySlice<TimelinePart> {
        let first = parts.firstIndex { $0.id.mediaSequence >= mediaSequence } ?? parts.count
        let end = parts[first...].firstIndex { $0.id.mediaSequence > mediaSequence } ?? parts.count
        return parts[first..<end]
    }

    // MARK: Growing

    /// Adds the next part, whose segment and the gaps before it break where the session does.
    mutating func append(_ head: PartHead, media: PartMedia, among breaks: SessionBreaks) {
        if let last = segments.last, last.mediaSequence != head.id.mediaSequence {
            let isContinuous = head.flags.isDisjoint(with: [.discontinuity, .afterGap])
            completeSegment(last.mediaSequence, endTime: isContinuous ? head.decodeTime : nil)
            addGaps(before: head, among: breaks)
        }
        if segments.last?.mediaSequence != head.id.mediaSequence { beginSegment(with: head, among: breaks) }
        let index = segments.count - 1
        segments[index].duration = max(segments[index].duration, head.endTime &- segments[index].decodeTime)
        segments[index].partCount += 1
        segments[index].byteCount += media.byteCount
        parts.append(TimelinePart(head: head, media: media))
        segments[index].peakRate = max(segments[index].peakRate, newestRate(over: Self.rateSpan) ?? 0)
        if segments[index].partCount == 1 {
            segments[index].steadyRate = newestRate(over: Self.steadySpan) ?? 0
        }
        memoryByteCount += media.bytes?.count ?? 0
        if let range = media.range { store(range, in: index) }
        if head.flags.contains(.segmentEnd) { segments[index].isComplete = true }
        trimWindow()
    }

    /// Samples a second up to the end of the newest part, over `span` seconds or little more; `nil` before there is as
    /// much.
    private func newestRate(over span: Double) -> Double? {
        guard let last = parts.last?.head,
            let first = parts.last(where: { seconds(last.endTime &- $0.head.endTime) >= span })?.head
        else { return nil }
        // Who has lost count begins anew.
        let count = Int32(bitPattern: last.lastSequence &- first.lastSequence)
        return count > 0 ? Double(count) / seconds(last.endTime &- first.endTime) : nil
    }

    private mutating func beginSegment(with head: PartHead, among breaks: SessionBreaks) {
        var segment = TimelineSegment(
            mediaSequence: head.id.mediaSequence,
            generation: head.generation,
            decodeTime: head.decodeTime,
            duration: 0,
            discontinuitySequence: breaks.sequence(at: head.id.mediaSequence),
            isDiscontinuity: breaks.contains(head.id.mediaSequence),
            isIndependent: head.flags.contains(.independent),
            programDateTime: head.programDateTime
        )
        segment.isAfterGap = head.flags.contains(.afterGap) && !segments.isEmpty
        segments.append(segment)
    }

    /// Says that a segment has all its parts.
    mutating func completeSegment(_ mediaSequence: UInt32, endTime: Int64?) {
        guard let index = index(of: mediaSequence), !segments[index].isComplete else { return }
        segments[index].isComplete = true
        let length = (endTime ?? 0) &- segments[index].decodeTime
        // A jump that the writer did not mark as a break must not make the segment longer than it is.
        if endTime != nil, length > 0, length <= segments[index].duration &+ timescale {
            segments[index].duration = length
        }
    }

    /// Lists what the track lacks between its last segment and `head` as gaps of equal length: what was lost, or
    /// what it was silent in.
    ///
    /// They break where the session does. Behind the last break they have the configuration and the clock of `head`.
    private mutating func addGaps(before head: PartHead, among breaks: SessionBreaks) {
        guard let last = segments.last, head.id.mediaSequence > last.mediaSequence &+ 1 else { return }
        let count = head.id.mediaSequence - last.mediaSequence - 1
        // The last sample before the gap may have been taken for longer than there was time.
        let start = min(last.decodeTime &+ last.duration, head.decodeTime)
        guard count <= Self.maximumGap else {
            segments.removeAll()
            windowStart = 0
            return
        }
        let limit = timescale * Int64(MediaPlaylist.targetDuration)
        let length = min(limit, max(1, (head.decodeTime &- start) / Int64(count)))
        for number in 1...count {
            var gap = TimelineSegment(
                mediaSequence: last.mediaSequence + number,
                generation: last.generation,
                decodeTime: start &+ Int64(number - 1) &* length,
                duration: length,
                discontinuitySequence: breaks.sequence(at: last.mediaSequence + number),
                isDiscontinuity: breaks.contains(last.mediaSequence + number),
                isGap: true,
                isComplete: true,
                programDateTime: last.programDateTime
            )
            var origin = last.decodeTime
            if breaks.isBreak(after: last.mediaSequence, through: gap.mediaSequence),
                !breaks.isBreak(after: gap.mediaSequence, through: head.id.mediaSequence)
            {
                gap.generation = head.generation
                (gap.programDateTime, origin) = (head.programDateTime, head.decodeTime)
            }
            // Times that no clock has are dated like the segment behind them.
            let distance = Int64(exactly: (seconds(gap.decodeTime &- origin) * 1_000_000).rounded())
            let date = distance.map { gap.programDateTime &+ $0 } ?? head.programDateTime
            gap.programDateTime = min(date, head.programDateTime)
            segments.append(gap)
        }
    }

    /// Says where a part has been stored.
    mutating func markStored(_ id: PartID, _ range: StoredRange) {
        if let index = partIndex(id) { parts[index].media.range = range }
        if let index = index(of: id.mediaSequence) { store(range, in: index) }
    }

    private mutating func store(_ range: StoredRange, in index: Int) {
        segments[index].storedPartCount += 1
        let last = segments[index].ranges.count - 1
        if last >= 0, segments[index].ranges[last].extent == range.extent,
            segments[index].ranges[last].offset &+ segments[index].ranges[last].byteCount == range.offset
        {
            segments[index].ranges[last].byteCount += range.byteCount
        } else {
            segments[index].ranges.append(range)
        }
    }

    /// Says that nothing will follow.
    mutating func end() {
        isEnded = true
        if let last = segments.last { completeSegment(last.mediaSequence, endTime: nil) }
    }

    // MARK: The window

    private mutating func trimWindow() {
        guard let last = segments.last else { return }
        let oldest = last.decodeTime &+ last.duration &- Self.windowSeconds * timescale
        while windowStart < segments.count - 1,
            segments[windowStart].decodeTime &+ segments[windowStart].duration <= oldest
        {
            windowStart += 1
        }
        let first = segments[windowStart].mediaSequence
        let count = parts.firstIndex { $0.id.mediaSequence >= first } ?? 0
        while firstInMemory < count { freeOldest() }
        // Removing from the front moves the rest; doing so in batches keeps it rare.
        if count >= 64 {
            parts.removeFirst(count)
            firstInMemory -= count
        }
    }

    private mutating func freeOldest() {
        memoryByteCount -= parts[firstInMemory].media.bytes?.count ?? 0
        parts[firstInMemory].media.bytes = nil
        firstInMemory += 1
    }

    /// Frees the memory of parts that are stored and older than what most viewers ask for: the page cache has
    /// them too.
    mutating func evictStored(keepingSeconds seconds: Int64) {
        guard let end = lastPart?.endTime else { return }
        let oldest = end &- seconds * timescale
        while firstInMemory < parts.count, parts[firstInMemory].media.range != nil,
            parts[firstInMemory].head.endTime < oldest
        {
            freeOldest()
        }
    }

    /// Frees the memory of the oldest parts, as long as there is more than `limit`.
    ///
    /// What is not stored and not going to be is given up, with the segments that need it.
    mutating func evict(downTo limit: Int, isRecording: Bool) {
        while memoryByteCount > limit, firstInMemory < parts.count {
            guard isEnded || firstInMemory < parts.count - 1 else { return }
            if parts[firstInMemory].media.range == nil {
                if isRecording { return }
                forget(before: parts[firstInMemory].id.mediaSequence &+ 1)
            }
            freeOldest()
        }
    }

    /// Takes segments whose media is gone off the live playlist.
    private mutating func forget(before mediaSequence: UInt32) {
        guard let index = index(of: mediaSequence) else { return }
        windowStart = max(windowStart, min(index, segments.count - 1))
    }
}
