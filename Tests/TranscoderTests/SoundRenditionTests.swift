import Media
import Testing
import Transcoding

@testable import Transcoder

@Suite(.timeLimit(.minutes(1))) struct SoundRenditionTests {
    private func rendition(
        of source: SourceSound,
        as coding: SoundEncoder.Coding = .opus,
        resuming resumption: SoundRendition.Resumption? = nil
    ) throws -> SoundRendition {
        try SoundRendition(
            coding,
            of: source.configuration,
            bitRate: 48_000,
            partTarget: 0.3,
            resuming: resumption
        )
    }

    /// When so many packets begin, after the source's first sample and without a hole.
    private func grid(_ count: Int) -> [Int64] {
        let first: Int64 = 480_000 - 120
        return (0..<count).map { first + Int64($0) * 960 }
    }

    private func numbers(_ count: Int) -> [UInt32] { (0..<count).map { UInt32($0) } }

    /// Whether every packet begins where the one before ends, or later.
    private func isInOrder(_ made: [BusSample]) -> Bool {
        zip(made, made.dropFirst()).allSatisfy { $0.decodeTime + 960 <= $1.decodeTime }
    }

    @Test func `the tone comes out, at the source's times`() throws {
        let source = try SourceSound(frames: 140)
        let rendition = try rendition(of: source)
        let made = try (0..<140).flatMap { try rendition.take(source.sample($0)) }
        #expect(made.map(\.decodeTime) == grid(made.count))
        #expect(made.map(\.sequence) == numbers(made.count))
        #expect(made.allSatisfy { $0.duration == 960 && $0.track == SourceSound.track })
        // Less than a packet waits: 140 frames are 143,360 samples.
        #expect(made.count == 149)
        let heard = try HeardSound(made)
        #expect(abs(heard.level(of: 440, from: 9600, count: 96_000) - 0.5) < 0.03)
        #expect(heard.level(of: 660, from: 9600, count: 96_000) < 0.01)
        #expect(rendition.damaged == 0)
        #expect(rendition.configuration.codec == .opus)
        #expect(rendition.configuration.audio?.channelCount == 2)
    }

    @Test func `a packet is ready as soon as its last sample has come`() throws {
        let source = try SourceSound(frames: 60)
        let rendition = try rendition(of: source)
        var came: Int64 = 0
        var made: Int64 = 0
        for number in 0..<60 {
            came += SourceSound.samplesPerFrame
            made += Int64(try rendition.take(source.sample(number)).count) * 960
            #expect(came - made < 960)
        }
    }

    /// Every part but the last of a segment is as long as it may be, and says where it begins and ends.
    private func expectFullParts(_ made: [BusSample]) {
        let parts = Dictionary(grouping: made) { [Int($0.mediaSequence), Int($0.part)] }
        for (place, packets) in parts {
            let length = packets.reduce(0) { $0 + Int($1.duration) }
            #expect(length <= 14_400)
            let isLast = parts[[place[0], place[1] + 1]] == nil
            #expect(isLast || length > 14_400 - Int(packets[0].duration))
            #expect(packets.first?.flags.contains(.partStart) == true)
            #expect(packets.dropLast().allSatisfy { !$0.flags.contains(.partEnd) })
            // Whoever reads need not wait for the next packet to know that the part is whole.
            #expect(isLast || packets.last?.flags.contains(.partEnd) == true)
            #expect(place[1] == 0 || parts[[place[0], place[1] - 1]] != nil)
        }
    }

    @Test func `packets lie in the segment of the sample that they begin in`() throws {
        let source = try SourceSound(frames: 200)
        let rendition = try rendition(of: source)
        let made = try (0..<200).flatMap { try rendition.take(source.sample($0)) }
        for packet in made.dropFirst() {
            let number = Int((packet.decodeTime - 480_000) / SourceSound.samplesPerFrame)
            let original = source.sample(number)
            #expect(packet.mediaSequence == original.mediaSequence)
            #expect(packet.captureClock == original.captureClock)
        }
        let segments = made.filter { $0.flags.contains(.segmentStart) }
        #expect(segments.map(\.mediaSequence) == [0, 1, 2, 3, 4])
        #expect(segments.allSatisfy { $0.flags.contains(.partStart) })
    }

    @Test(arguments: [SoundEncoder.Coding.opus, .aac])
    func `parts are as long as they may be, and not longer`(coding: SoundEncoder.Coding) throws {
        let source = try SourceSound(frames: 300)
        let rendition = try rendition(of: source, as: coding)
        let made = try (0..<300).flatMap { try rendition.take(source.sample($0)) }
        expectFullParts(made)
    }

    @Test func `a lost frame becomes silence, and nothing moves`() throws {
        let source = try SourceSound(frames: 200)
        let rendition = try rendition(of: source)
        let made = try (0..<200).filter { $0 != 100 }.flatMap { try rendition.take(source.sample($0)) }
        #expect(made.map(\.decodeTime) == grid(made.count))
        let silences = try HeardSound(made).silences(from: 9600)
        #expect((1...3).contains(silences.count))
        #expect(silences.allSatisfy { (101_000...104_500).contains($0) })
    }

    @Test func `a damaged frame is counted and heard as a short hole`() throws {
        let source = try SourceSound(frames: 200)
        let rendition = try rendition(of: source)
        let made = try (0..<200).flatMap { number in
            var sample = source.sample(number)
            if number == 100 { sample.payload = [UInt8](repeating: 0xff, count: 40) }
            return try rendition.take(sample)
        }
        #expect(rendition.damaged <= 1)
        #expect(made.map(\.decodeTime) == grid(made.count))
    }

    @Test func `a long hole stays one`() throws {
        let source = try SourceSound(frames: 200)
        let rendition = try rendition(of: source)
        var made = try (0..<48).flatMap { try rendition.take(source.sample($0)) }
        let before = try #require(made.last)
        made += try (48..<200).flatMap { number in
            try rendition.take(
                source.sample(number, shift: 480_000, flags: number == 48 ? .discontinuity : [])
            )
        }
        let after = try #require(made.first { $0.decodeTime > before.decodeTime + 48_000 })
        #expect(after.decodeTime == source.time(of: 48) + 480_000 - 120)
        // The rest of the first stretch came out too, and times never fall.
        #expect(
            made.contains {
                $0.decodeTime >= source.time(of: 48) - 1272 && $0.decodeTime < source.time(of: 48)
            }
        )
        #expect(isInOrder(made))
        #expect(made.filter { $0.flags.contains(.discontinuity) }.count == 1)
    }

    @Test func `the next maker goes on to the sample, and the tone does not break`() throws {
        let source = try SourceSound(frames: 300)
        let first = try rendition(of: source)
        let head = try (0..<150).flatMap { try first.take(source.sample($0)) }
        let last = try #require(head.last)
        let part = try #require(head.last { $0.flags.contains(.partStart) })
        let second = try rendition(
            of: source,
            resuming: .init(
                end: last.decodeTime + 960,
                sequence: last.sequence + 1,
                place: .init(mediaSequence: last.mediaSequence, part: last.part),
                partStart: part.decodeTime
            )
        )
        // The ring still holds an earlier stretch of the source.
        let tail = try (40..<300).flatMap { try second.take(source.sample($0)) }
        let made = head + tail
        #expect(made.map(\.decodeTime) == grid(made.count))
        #expect(made.map(\.sequence) == numbers(made.count))
        // Nor is the part short in which the first maker ended.
        expectFullParts(made)
        #expect(
            made.filter { $0.flags.contains(.segmentStart) }.map(\.mediaSequence) == [0, 1, 2, 3, 4, 5, 6]
        )
        let heard = try HeardSound(made)
        #expect(heard.silences(from: 9600).isEmpty)
        let seam = head.count * 960
        #expect(abs(heard.level(of: 440, from: seam - 2400, count: 4800) - 0.5) < 0.05)
    }

    @Test func `a source that changes its coding goes on in the same rendition`() throws {
        let source = try SourceSound(frames: 100)
        let rendition = try rendition(of: source)
        var made = try (0..<50).flatMap { try rendition.take(source.sample($0)) }
        var configuration = source.configuration
        configuration.generation = 2
        rendition.reconfigure(configuration)
        for number in 50..<100 {
            var sample = source.sample(number)
            // What is of neither generation's track set is left alone.
            #expect(try rendition.take(sample).isEmpty)
            sample.generation = 2
            made += try rendition.take(sample)
        }
        #expect(made.count > 100)
        #expect(isInOrder(made))
        #expect(made.allSatisfy { $0.generation == 1 })
    }

    @Test func `what cannot be decoded is no source`() throws {
        var configuration = try SourceSound(frames: 1).configuration
        configuration.codec = .flac
        #expect(throws: TranscodingFailure.unsupported) {
            _ = try SoundRendition(.opus, of: configuration, bitRate: 48_000, partTarget: 0.3)
        }
    }

    @Test func `times from nowhere do no harm`() throws {
        let source = try SourceSound(frames: 50)
        let rendition = try rendition(of: source)
        for (number, time) in [Int64.min, .max, 0, -1, .max - 1, 480_000].enumerated() {
            var sample = source.sample(number)
            sample.decodeTime = time
            _ = try rendition.take(sample)
        }
        _ = rendition.finish()
    }
}
