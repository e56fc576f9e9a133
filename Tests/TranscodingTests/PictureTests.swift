import Bytes
import Codecs
import TestSupport
import Testing

@testable import Transcoding

@Suite(.timeLimit(.minutes(1))) struct PictureTests {
    /// One access unit of the fixture.
    struct Unit {
        /// When it is shown, in 90,000ths of a second.
        var time: Int64
        var isKeyframe: Bool
        var bytes: [UInt8]
    }

    /// 45 pictures with three B-frames between each two others, which others reference, keyframes every 15.
    private let source: (record: [UInt8], units: [Unit])

    init() throws {
        source = try Self.read(Fixtures.bytes("Pictures/bframes.bin"))
    }

    private static func read(_ bytes: [UInt8]) throws -> (record: [UInt8], units: [Unit]) {
        var reader = ByteReader(bytes.span)
        let record = try reader.takeArray(Int(try reader.read(UInt32.self)))
        var units: [Unit] = []
        while !reader.isAtEnd {
            let time = Int64(try reader.read(UInt32.self)) * 6000
            let isKeyframe = try reader.read(UInt8.self) == 1
            let count = Int(try reader.read(UInt32.self))
            units.append(Unit(time: time, isKeyframe: isKeyframe, bytes: try reader.takeArray(count)))
        }
        return (record, units)
    }

    private func open(_ record: [UInt8]) throws -> PictureTranscoder {
        try PictureTranscoder(record: record, frameRate: 15, bitRate: 1_000_000)
    }

    @Test func `every picture comes out once, in the order of showing, with its keyframes`() throws {
        var transcoder = try open(source.record)
        var made: [EncodedPicture] = []
        for unit in source.units { made += try transcoder.transcode(unit.bytes, at: unit.time) }
        made += try transcoder.finish()
        #expect(made.map(\.time) == source.units.map(\.time).sorted())
        let keyframes = source.units.filter(\.isKeyframe).map(\.time)
        #expect(made.filter(\.isKeyframe).map(\.time) == keyframes)
        #expect(keyframes.count == 3)
    }

    @Test func `what comes out needs no reordering`() throws {
        var transcoder = try open(source.record)
        var made: [EncodedPicture] = []
        for unit in source.units { made += try transcoder.transcode(unit.bytes, at: unit.time) }
        let known = transcoder.record
        let record = try #require(known)
        #expect(try H264Configuration(record: record).isComplete)
        // A decoder shows each picture as soon as it has it.
        var second = try open(record)
        for picture in made {
            let shown = try second.transcode(picture.bytes, at: picture.time)
            #expect(shown.map(\.time) == [picture.time])
        }
    }

    @Test func `who asks for a keyframe gets one with the next picture, and only one`() throws {
        var transcoder = try open(source.record)
        var made: [EncodedPicture] = []
        for (number, unit) in source.units.enumerated() {
            if number == 20 { transcoder.requestKeyframe() }
            let pictures = try transcoder.transcode(unit.bytes, at: unit.time)
            if number == 20 { #expect(pictures.first?.isKeyframe == true) }
            made += pictures
        }
        made += try transcoder.finish()
        #expect(made.count == source.units.count)
        #expect(made.filter(\.isKeyframe).count == 4)
    }

    @Test func `the source's own depth is all the delay there is`() throws {
        var transcoder = try open(source.record)
        var made = 0
        for (index, unit) in source.units.enumerated() {
            made += try transcoder.transcode(unit.bytes, at: unit.time).count
            #expect(made >= index + 1 - 3)
        }
    }

    @Test func `damaged pictures neither crash nor stop it`() throws {
        var random = SeededGenerator(seed: 3)
        var transcoder = try open(source.record)
        var made = 0
        for round in 0..<20 {
            for unit in source.units {
                var bytes = unit.bytes
                if round < 19 {
                    for _ in 0..<3 {
                        bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                            in: 0...255,
                            using: &random
                        )
                    }
                    if round % 4 == 0 { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
                }
                let pictures = try? transcoder.transcode(bytes, at: unit.time + Int64(round) * 300_000)
                if round == 19 { made += pictures?.count ?? 0 }
            }
        }
        #expect(made > 30)
    }

    @Test func `what may come out follows what comes in`() {
        var meter = RateMeter(limit: 4_000_000)
        var rates: [Int] = []
        // 60 units of 4 kB in two seconds are 960 kbit/s, then ten times as much, then next to nothing.
        for index in 0..<180 {
            let count = index < 61 ? 4000 : index < 121 ? 40_000 : 10
            if let rate = meter.add(count, at: Int64(index + 1) * 3000) { rates.append(rate) }
        }
        #expect(rates.count == 2)
        #expect(abs((rates.first ?? 0) - 1_440_000) < 200_000)
        #expect(rates.last == 4_000_000)
    }
}
