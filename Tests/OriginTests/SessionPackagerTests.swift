import ISOBMFF
import MediaBus
import Media
import TestSupport
import Testing

@testable import Origin

@Suite struct SessionPackagerTests {
    let stream: SyntheticStream

    init() throws { stream = try SyntheticStream.make(seconds: 7) }

    func parts(of track: UInt16) -> [PackagedPart] {
        stream.parts().filter { $0.head.track.rawValue == track }
    }

    @Test(arguments: [0, 1] as [UInt16])
    func `every sample is in one part, and no part is longer than the target`(track: UInt16) throws {
        let parts = parts(of: track)
        let samples = stream.entries.flatMap(\.entry.samples).filter { $0.track.rawValue == track }
        #expect(parts.reduce(0) { $0 + $1.samples.count } == samples.count)
        let timescale = stream.configurations[Int(track)].timescale
        for part in parts { #expect(Double(part.head.duration) / Double(timescale) <= 0.3) }
        for (part, next) in zip(parts, parts.dropFirst()) {
            #expect(part.head.endTime == next.head.decodeTime)
            #expect(part.head.id < next.head.id)
        }
    }

    @Test func `a chunk holds what the bus held`() throws {
        for part in parts(of: 0) {
            let chunk = try #require(try FragmentParser.chunks(of: part.bytes.span).first)
            #expect(chunk.fragment.samples == part.samples)
            #expect(chunk.fragment.decodeTime == UInt64(part.head.decodeTime))
            #expect(chunk.byteCount == part.bytes.count)
        }
    }

    @Test func `segments begin with keyframes and share their numbers`() {
        let video = parts(of: 0).filter { $0.head.id.part == 0 }
        #expect(video.map(\.head.id.mediaSequence) == [0, 1, 2, 3])
        #expect(video.allSatisfy { $0.head.flags.contains(.independent) })
        #expect(Set(parts(of: 1).map(\.head.id.mediaSequence)) == [0, 1, 2, 3])
    }

    @Test func `the date of a part follows its first sample on the clock of the session`() throws {
        let first = try #require(parts(of: 0).first)
        let second = try #require(parts(of: 0).first { $0.head.id == PartID(mediaSequence: 1, part: 0) })
        #expect(second.head.programDateTime - first.head.programDateTime == 2_000_000)
        #expect(try abs(#require(parts(of: 1).first).head.programDateTime - 1_767_323_045_000_000) < 30_000)
    }

    @Test func `whoever takes over anywhere makes the same bytes`() throws {
        let all = stream.parts()
        for stored in stride(from: 3, to: all.count - 2, by: 7) {
            var lasts: [TrackID: PartHead] = [:]
            for part in all[..<stored] { lasts[part.head.track] = part.head }
            guard lasts.count == 2 else { continue }
            let position = try #require(lasts.values.map(\.position).min())
            var packager = SessionPackager(
                resumptions: lasts.mapValues(TrackPackager.Resumption.init),
                isComplete: true
            )
            packager.update(configurations: stream.configurations, clock: stream.clock)
            let rest = stream.parts(by: &packager, from: Int(position.counter) - 1)
            let expected = all[stored...].map {
                "\($0.head.track) \($0.head.id) \(Checksum.crc32c($0.bytes))"
            }
            #expect(
                Set(rest.map { "\($0.head.track) \($0.head.id) \(Checksum.crc32c($0.bytes))" })
                    == Set(expected)
            )
            #expect(rest.count == expected.count)
        }
    }

    @Test func `after a loss each track goes on at its next segment, marked`() throws {
        var packager = SessionPackager(isComplete: true)
        packager.update(configurations: stream.configurations, clock: stream.clock)
        var parts: [PackagedPart] = []
        for (index, item) in stream.entries.enumerated() {
            if (200..<230).contains(index) { continue }
            if index == 230 { packager.loseEntries() }
            let position = BusPosition(epoch: 1, counter: item.id.counter)
            for case .part(let part) in packager.feed(item.entry, at: position) { parts.append(part) }
        }
        for track in [0, 1] as [UInt16] {
            let own = parts.filter { $0.head.track.rawValue == track }
            let marked = own.filter { $0.head.flags.contains(.afterGap) }
            #expect(marked.count == 1)
            #expect(marked.first?.head.id.part == 0)
        }
    }

    @Test func `a viewer that joins late gets only what can be decoded`() throws {
        var packager = SessionPackager(isComplete: false)
        packager.update(configurations: stream.configurations, clock: stream.clock)
        let parts = stream.parts(by: &packager, from: 40)
        #expect(parts.first { $0.head.track.rawValue == 0 }?.head.id == PartID(mediaSequence: 1, part: 0))
    }

    @Test func `a sample without a known configuration is counted and left out`() throws {
        var packager = SessionPackager(isComplete: true)
        packager.update(configurations: [stream.configurations[1]], clock: stream.clock)
        let parts = stream.parts(by: &packager, from: 0)
        #expect(Set(parts.map(\.head.track.rawValue)) == [1])
        #expect(packager.unknownSampleCount == 210)
    }

    @Test func `numbers that go back are not served twice`() throws {
        var packager = SessionPackager(isComplete: true)
        packager.update(configurations: stream.configurations, clock: stream.clock)
        let first = stream.parts(by: &packager, from: 0)
        let again = stream.parts(by: &packager, from: 0)
        #expect(!first.isEmpty)
        #expect(again.isEmpty)
    }

    @Test func `absurd stamps do not trap`() {
        var packager = SessionPackager(isComplete: true)
        packager.update(configurations: stream.configurations, clock: stream.clock)
        let numbers: [Int64] = [.min, -1, 0, 1, .max]
        var counter: UInt64 = 0
        for time in numbers {
            for offset in [Int32.min, 0, .max] {
                for number in [0, UInt32.max - 1, .max] {
                    counter += 1
                    let sample = BusSample(
                        track: TrackID(rawValue: 0),
                        generation: 1,
                        flags: [.keyframe, .segmentStart, .partStart, .partEnd],
                        sequence: number,
                        decodeTime: time,
                        compositionOffset: offset,
                        duration: .max,
                        mediaSequence: number,
                        part: UInt16(truncatingIfNeeded: number),
                        payload: [1]
                    )
                    let entry = BusEntry(keyframeCounter: 1, samples: [sample, sample])
                    _ = packager.feed(entry, at: BusPosition(epoch: 1, counter: counter))
                }
            }
        }
    }
}
