import RTP
import Testing

@testable import SFU

@Suite struct ViewerQualityTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `pictures stand from the first request for a keyframe until one was sent`() {
        var quality = ViewerQuality()
        quality.noteFreeze(at: 10 * Self.second, keyframes: 3)
        quality.noteFreeze(at: 11 * Self.second, keyframes: 3)
        #expect(quality.isFrozen && quality.freezeCount == 1, "who asks again still waits")
        quality.noteSent(keyframes: 3, at: 12 * Self.second)
        #expect(quality.isFrozen && quality.frozenTime(at: 12 * Self.second) == 2 * Self.second)
        quality.noteSent(keyframes: 4, at: 13 * Self.second)
        #expect(!quality.isFrozen && quality.frozenTime(at: 60 * Self.second) == 3 * Self.second)
        quality.noteSent(keyframes: 5, at: 14 * Self.second)
        quality.noteFreeze(at: 20 * Self.second, keyframes: 5)
        #expect(quality.freezeCount == 2 && quality.frozenTime(at: 21 * Self.second) == 4 * Self.second)
    }

    @Test func `only a whole keyframe counts as sent`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        var maker = BlockMaker()
        var ring = PacketRing(byteLimit: 1 << 20)
        var sink = CollectedPackets()
        ring.append(maker.next(isKeyframe: true, sizes: [1000, 1000]))
        ring.append(maker.next())
        #expect(!media.pumpVideo(ring, at: 1, &sink) && media.keyframeCount == 1)
        ring.append(maker.next())
        #expect(!media.pumpVideo(ring, at: 2, &sink) && media.keyframeCount == 1)
        ring.append(maker.next(isKeyframe: true, sizes: [Int](repeating: 1000, count: 100)))
        #expect(
            media.pumpVideo(ring, at: 3, &sink) && media.keyframeCount == 1,
            "the pacer holds the rest back"
        )
        #expect(!media.pumpVideo(ring, at: 5 * Self.second, &sink) && media.keyframeCount == 2)
    }
}
