import Contracts
import Media
import TestSupport
import Testing

@testable import Origin

/// FRAME-RATE of pictures whose publisher does not say how many there are, as browsers do not.
@Suite struct FrameRateTests {
    private static let timescale: Int64 = 90_000

    /// A session with parts of a third of a second, of so many pictures each, whose ends tremble by up to `jitter` seconds.
    ///
    /// - Parameter slowness: By which factor all of it is longer.
    private static func session(_ counts: [Int], jitter: Double = 0, slowness: Double = 1) -> MediaSession {
        let configuration = TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: .h264,
            timescale: UInt32(timescale),
            decoderConfiguration: [],
            codecString: "avc1.42c01f",
            kind: .video(.init(width: 640, height: 360))
        )
        let description = SyntheticStream.description(of: [configuration])
        let session = MediaSession(description: description, folder: "", isRecording: true)
        session.update(description, configurations: [configuration])
        var random = SeededGenerator(seed: 7)
        var (begin, sequence) = (10 * timescale, UInt32(0))
        for (index, count) in counts.enumerated() {
            sequence += UInt32(count)
            let trembling = Int64(.random(in: -jitter...jitter, using: &random) * Double(timescale))
            let time = Double(Int64(index + 1) * timescale) / 3 * slowness
            let end = 10 * timescale + Int64(time.rounded()) + trembling
            let head = PartHead(
                track: TrackID(rawValue: 0),
                id: PartID(mediaSequence: UInt32(index / 6), part: UInt16(index % 6)),
                generation: 1,
                flags: index % 6 == 0 ? .independent : [],
                discontinuitySequence: 0,
                decodeTime: begin,
                duration: UInt32(end - begin),
                programDateTime: 0,
                lastSequence: sequence - 1,
                position: BusPosition(epoch: 1, counter: UInt64(index))
            )
            session.append(head, media: .init(bytes: [1], range: nil, byteCount: 1))
            begin = end
        }
        return session
    }

    private static func rate(_ session: MediaSession, wholeSession: Bool = false) -> String? {
        session.masterPlaylist(prefix: "", wholeSession: wholeSession)?
            .split(whereSeparator: { ",\n".contains($0) })
            .first { $0.hasPrefix("FRAME-RATE=") }.map { String($0.dropFirst(11)) }
    }

    @Test func `it is the largest that there was, not the mean`() {
        let session = Self.session(Array(repeating: 10, count: 12) + Array(repeating: 5, count: 36))
        #expect(Self.rate(session) == "30.000")
    }

    @Test func `a live playlist has that of its last minute, the whole session's that of all`() {
        let session = Self.session(Array(repeating: 10, count: 12) + Array(repeating: 5, count: 240))
        #expect(Self.rate(session) == "15.000")
        #expect(Self.rate(session, wholeSession: true) == "30.000")
    }

    @Test(arguments: [4, 5, 8, 10, 20])
    func `clocks that tremble do not make it larger`(count: Int) {
        let session = Self.session(Array(repeating: count, count: 150), jitter: 0.018)
        #expect(Self.rate(session) == "\(count * 3).000")
    }

    @Test func `a picture that comes late, and the next one sooner, makes no larger rate`() {
        let session = Self.session((0..<40).map { [9, 11, 10, 10, 10][$0 % 5] })
        #expect(Self.rate(session) == "30.000")
    }

    @Test(arguments: zip([8, 10, 20], ["23.976", "29.970", "59.940"]))
    func `a rate of television is said as such once it is sure, and stays`(count: Int, rate: String) {
        for length in stride(from: 120, through: 400, by: 7) {
            let session = Self.session(Array(repeating: count, count: length), jitter: 0.005, slowness: 1.001)
            #expect(Self.rate(session) == rate, "after \(length) parts")
        }
        let early = Self.session(Array(repeating: count, count: 60), jitter: 0.005, slowness: 1.001)
        #expect(Self.rate(early) == "\(count * 3).000")
    }

    @Test func `a picture that is left out now and then makes no rate of television`() {
        for length in stride(from: 200, through: 400, by: 7) {
            let counts = (0..<length).map { $0 % 130 == 60 ? 9 : 10 }
            #expect(Self.rate(Self.session(counts, jitter: 0.005)) == "30.000", "after \(length) parts")
        }
    }

    @Test func `what is near no usual rate is said as it is`() {
        let session = Self.session((0..<60).map { $0 % 2 == 0 ? 4 : 5 })
        #expect(Self.rate(session) == "13.500")
    }

    @Test func `the first parts have the mean, and a track that counts anew is no trouble`() {
        #expect(Self.rate(Self.session([10, 10, 10])) == "30.000")
        #expect(Self.rate(Self.session([10])) == nil)
    }
}
