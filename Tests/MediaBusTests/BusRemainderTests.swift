import Contracts
import Media
import Testing

@testable import MediaBus

@Suite struct BusRemainderTests {
    private func entry(keyframe: UInt64 = 1, _ flags: BusEntry.Flags = []) -> BusEntry {
        BusEntry(flags: flags, keyframeCounter: keyframe, samples: [])
    }

    private func id(_ epoch: UInt64, _ counter: UInt64) -> BusEntryID {
        BusEntryID(epoch: epoch, counter: counter)
    }

    @Test func `entries in a row are handed over, across a publisher's return, up to the next session`() {
        var remainder = BusRemainder(after: id(3, 7))
        #expect(remainder.step(id(3, 8), entry()) == .deliver)
        #expect(remainder.step(id(4, 1), entry(keyframe: 1, .publisherBack)) == .deliver)
        #expect(remainder.step(id(4, 2), entry()) == .deliver)
        #expect(remainder.step(id(5, 1), entry()) == .over)
    }

    @Test func `an epoch whose first entry is gone counts as another session`() {
        var remainder = BusRemainder(after: id(3, 7))
        #expect(remainder.step(id(4, 2), entry(keyframe: 2)) == .over)
    }

    @Test func `what the ring has dropped is a gap up to a keyframe or the end`() {
        var remainder = BusRemainder(after: id(3, 7))
        #expect(remainder.step(id(3, 12), entry(keyframe: 9)) == .skip)
        #expect(remainder.step(id(3, 13), entry(keyframe: 13)) == .deliverAfterGap(id(3, 7)))
        #expect(remainder.step(id(3, 14), entry(keyframe: 13)) == .deliver)
        #expect(remainder.step(id(3, 15), nil) == .skip)
        #expect(remainder.step(id(3, 16), entry(keyframe: 13)) == .skip)
        #expect(remainder.step(id(3, 17), entry(keyframe: 13, .endOfSession)) == .deliverAfterGap(id(3, 14)))
    }
}
