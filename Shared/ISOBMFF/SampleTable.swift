import Bytes
import Media

/// The `trak` box of one track of a flat movie.
struct SampleTable {
    let track: FlatMovie.Track
    let boxes: TrackBoxes
    let sampleCount: Int
    /// Decode deltas with their run lengths.
    private let deltas: [(count: UInt32, delta: UInt32)]
    private let mediaDuration: UInt64

    init(_ track: FlatMovie.Track) {
        self.track = track
        boxes = TrackBoxes(configuration: track.configurations[0])
        sampleCount = track.chunks.reduce(0) { $0 + $1.samples.count }
        deltas = Self.deltas(of: track.chunks)
        mediaDuration = deltas.reduce(0) { $0 &+ UInt64($1.count) &* UInt64($1.delta) }
    }

    /// A gap between two chunks lengthens the sample before it; an overlap shortens it.
    private static func deltas(of chunks: [FlatMovie.Chunk]) -> [(count: UInt32, delta: UInt32)] {
        var runs: [(count: UInt32, delta: UInt32)] = []
        for (index, chunk) in chunks.enumerated() {
            var time = chunk.decodeTime
            for (position, sample) in chunk.samples.enumerated() {
                var delta = sample.duration
                if position == chunk.samples.count - 1, index + 1 < chunks.count {
                    delta = UInt32(clamping: chunks[index + 1].decodeTime &- time)
                }
                time = time &+ Int64(delta)
                if let last = runs.last, last.delta == delta {
                    runs[runs.count - 1].count += 1
                } else {
                    runs.append((1, delta))
                }
            }
        }
        return runs
    }

    private var firstDecodeTime: Int64 { track.chunks[0].decodeTime }
    private var firstOffset: Int64 { Int64(track.chunks[0].samples[0].compositionOffset) }

    /// When the first sample is shown, in the movie's timescale.
    var presentationStart: Int64 { movieTime(firstDecodeTime &+ firstOffset) }

    /// The length of the track on the movie's timeline, which begins at `start`.
    func movieDuration(from start: Int64) -> UInt64 {
        UInt64(clamping: presentationStart &- start &+ movieTime(Int64(clamping: mediaDuration)))
    }

    private func movieTime(_ time: Int64) -> Int64 {
        let scale = Int64(max(1, boxes.configuration.timescale))
        let movie = Int64(FlatMovie.timescale)
        let (whole, rest) = time.quotientAndRemainder(dividingBy: scale)
        return whole &* movie &+ rest &* movie / scale
    }

    func write(start: Int64, bodyOffset: UInt64, to writer: inout ByteWriter) {
        writer.box("trak") { writer in
            boxes.writeHeader(duration: movieDuration(from: start), to: &writer)
            writeEdits(start: start, to: &writer)
            boxes.writeMedia(duration: mediaDuration, to: &writer) { writer in
                writeDescriptions(to: &writer)
                writeTimes(to: &writer)
                writeKeyframes(to: &writer)
                writeSizes(to: &writer)
                writeChunks(bodyOffset: bodyOffset, to: &writer)
            }
        }
    }

    /// Empty time until the track begins, then the media from its first presented sample on.
    private func writeEdits(start: Int64, to writer: inout ByteWriter) {
        let wait = UInt64(clamping: presentationStart &- start)
        writer.box("edts") { writer in
            writer.fullBox("elst", version: 1) { writer in
                writer.write(UInt32(wait > 0 ? 2 : 1))
                if wait > 0 { writeEdit(duration: wait, mediaTime: -1, to: &writer) }
                let duration = UInt64(clamping: movieTime(Int64(clamping: mediaDuration)))
                writeEdit(duration: duration, mediaTime: max(0, firstOffset), to: &writer)
            }
        }
    }

    private func writeEdit(duration: UInt64, mediaTime: Int64, to writer: inout ByteWriter) {
        writer.write(duration)
        writer.write(mediaTime)
        writer.write(UInt32(0x0001_0000))
    }

    private func writeDescriptions(to writer: inout ByteWriter) {
        writer.fullBox("stsd") { writer in
            writer.write(UInt32(clamping: track.configurations.count))
            for configuration in track.configurations { SampleEntry.write(configuration, to: &writer) }
        }
    }

    private func writeTimes(to writer: inout ByteWriter) {
        writer.fullBox("stts") { writer in
            writer.write(UInt32(clamping: deltas.count))
            for run in deltas {
                writer.write(run.count)
                writer.write(run.delta)
            }
        }
        let offsets = runs { $0.compositionOffset }
        guard offsets.contains(where: { $0.value != 0 }) else { return }
        writer.fullBox("ctts", version: 1) { writer in
            writer.write(UInt32(clamping: offsets.count))
            for run in offsets {
                writer.write(run.count)
                writer.write(run.value)
            }
        }
    }

    private func runs<Value: Equatable>(
        of value: (MovieFragment.Sample) -> Value
    ) -> [(count: UInt32, value: Value)] {
        var runs: [(count: UInt32, value: Value)] = []
        for chunk in track.chunks {
            for sample in chunk.samples {
                let next = value(sample)
                if let last = runs.last, last.value == next {
                    runs[runs.count - 1].count += 1
                } else {
                    runs.append((1, next))
                }
            }
        }
        return runs
    }

    /// Without `stss` every sample is a keyframe, as sound's are.
    private func writeKeyframes(to writer: inout ByteWriter) {
        guard boxes.configuration.isVideo else { return }
        var keyframes: [UInt32] = []
        var number: UInt32 = 0
        for chunk in track.chunks {
            for sample in chunk.samples {
                number &+= 1
                if sample.flags.isKeyframe { keyframes.append(number) }
            }
        }
        writer.fullBox("stss") { writer in
            writer.write(UInt32(clamping: keyframes.count))
            for keyframe in keyframes { writer.write(keyframe) }
        }
    }

    private func writeSizes(to writer: inout ByteWriter) {
        writer.fullBox("stsz") { writer in
            writer.write(UInt32(0))
            writer.write(UInt32(clamping: sampleCount))
            for chunk in track.chunks {
                for sample in chunk.samples { writer.write(sample.byteCount) }
            }
        }
    }

    private func writeChunks(bodyOffset: UInt64, to writer: inout ByteWriter) {
        writer.fullBox("stsc") { writer in
            let runs = chunkRuns
            writer.write(UInt32(clamping: runs.count))
            for run in runs {
                writer.write(run.first)
                writer.write(run.samples)
                writer.write(run.description)
            }
        }
        writer.fullBox("co64") { writer in
            writer.write(UInt32(clamping: track.chunks.count))
            for chunk in track.chunks { writer.write(bodyOffset &+ chunk.offset) }
        }
    }

    private var chunkRuns: [(first: UInt32, samples: UInt32, description: UInt32)] {
        var runs: [(first: UInt32, samples: UInt32, description: UInt32)] = []
        for (index, chunk) in track.chunks.enumerated() {
            let samples = UInt32(clamping: chunk.samples.count)
            let description = UInt32(clamping: chunk.configuration + 1)
            if let last = runs.last, last.samples == samples, last.description == description { continue }
            runs.append((UInt32(clamping: index + 1), samples, description))
        }
        return runs
    }
}
