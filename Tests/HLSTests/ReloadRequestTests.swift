import HLS
import Testing

@Suite struct ReloadRequestTests {
    /// Segment 9 is complete with seven parts; 10 grows and has two.
    let edge = LiveEdge(growingMediaSequence: 10, growingPartCount: 2, lastPartCount: 7)

    @Test func `no directives are answered at once`() throws {
        #expect(edge.verdict(on: try ReloadRequest(mediaSequence: nil, part: nil, skip: "YES")) == .answer)
    }

    @Test(arguments: [
        "", "-1", "+1", " 1", "x", "4294967296", "999999999999999999999", "1.5", "0x10", "１",
    ])
    func `an absurd media sequence is refused`(text: String) {
        #expect(throws: ReloadRequest.Failure.malformedMediaSequence) {
            try ReloadRequest(mediaSequence: text, part: nil, skip: nil)
        }
    }

    @Test func `an absurd part is refused`() {
        #expect(throws: ReloadRequest.Failure.malformedPart) {
            try ReloadRequest(mediaSequence: "1", part: "99999999999999999999", skip: nil)
        }
        #expect(throws: ReloadRequest.Failure.partWithoutMediaSequence) {
            try ReloadRequest(mediaSequence: nil, part: "0", skip: nil)
        }
    }

    @Test(
        arguments: [
            (0, nil, LiveEdge.Verdict.answer), (9, nil, .answer), (10, nil, .hold), (11, nil, .hold),
            (12, nil, .refuse),
            (9, 6, .answer), (9, 7, .answer), (10, 0, .answer), (10, 1, .answer), (10, 2, .hold),
            (10, 50, .hold),
            (11, 0, .hold), (4_294_967_295, 0, .refuse),
        ] as [(UInt32, Int?, LiveEdge.Verdict)]
    )
    func `answers, holds or refuses`(mediaSequence: UInt32, part: Int?, verdict: LiveEdge.Verdict) {
        #expect(edge.verdict(on: ReloadRequest(mediaSequence: mediaSequence, part: part)) == verdict)
    }

    @Test func `a part past the end of its segment is the first of the next`() {
        let closed = LiveEdge(growingMediaSequence: 10, growingPartCount: 0, lastPartCount: 7)
        #expect(closed.verdict(on: ReloadRequest(mediaSequence: 9, part: 6)) == .answer)
        #expect(closed.verdict(on: ReloadRequest(mediaSequence: 9, part: 7)) == .hold)
        #expect(edge.verdict(on: ReloadRequest(mediaSequence: 9, part: 7)) == .answer)
    }

    @Test func `before the first segment the first and the second can be asked for`() {
        let empty = LiveEdge()
        #expect(empty.verdict(on: ReloadRequest(mediaSequence: 0, part: 0)) == .hold)
        #expect(empty.verdict(on: ReloadRequest(mediaSequence: 1)) == .hold)
        #expect(empty.verdict(on: ReloadRequest(mediaSequence: 2)) == .refuse)
    }

    @Test func `at the end every directive is ignored`() {
        let ended = LiveEdge(growingMediaSequence: 10, isEnded: true)
        #expect(ended.verdict(on: ReloadRequest(mediaSequence: 4_000_000)) == .answer)
        #expect(ended.isSatisfied(11, part: 3))
    }
}
