import Codecs
import RTP
import Testing

@testable import SFU

@Suite struct WaitingSoundTests {
    private func block(
        _ frame: UInt64,
        size: Int = 100,
        captureTime: UInt64? = nil,
        ticks: Int64? = nil
    ) -> PacketBlock {
        .sound(frame, size: size, captureTime: captureTime, ticks: ticks)
    }

    private func take(_ blocks: [PacketBlock], merging: Bool = true) -> [PacketBlock] {
        var sound = WaitingSound()
        for block in blocks { _ = sound.add(block) }
        return sound.take(merging: merging)
    }

    @Test func `what has waited becomes one packet of 60 ms at most`() {
        let taken = take((5..<10).map { block($0) })
        #expect(taken.map { OpusPacket.sampleCount(of: $0.payloads[0]) } == [2880, 1920])
        #expect(taken.map(\.timestamp) == [4800, 7680] && taken.map(\.frame) == [0, 1])
        #expect(taken.map(\.parts.count) == [3, 2] && taken.allSatisfy { $0.packetCount == 1 })
    }

    @Test func `where it is not to become one, each packet stays as it was`() {
        let blocks = (0..<3).map { block($0) }
        let taken = take(blocks, merging: false)
        #expect(taken.map { $0.payloads[0] } == blocks.map { $0.payloads[0] })
        #expect(taken.allSatisfy { $0.parts.isEmpty })
        #expect(take([blocks[0]]).map(\.parts.count) == [0])
    }

    @Test func `packets do not become one over a hole or a silence`() {
        #expect(take([block(0), block(1, ticks: 1920)]).count == 2)
        #expect(take([block(0), block(1, ticks: 1008)]).count == 1, "a container counts in milliseconds")
        #expect(take([block(0, size: 0), block(1), block(2, size: 1), block(3)]).count == 4)
    }

    @Test func `the time of capture is that of the first sample`() {
        let second: UInt64 = 1 << 32
        #expect(take([block(0, captureTime: 9 * second), block(1)])[0].captureTime == 9 * second)
        let later = take([block(0), block(1, captureTime: 9 * second)])[0].captureTime
        #expect(later == 9 * second - second / 50)
    }

    @Test func `frames are numbered on, and what does not follow is forgotten`() {
        var sound = WaitingSound()
        _ = (sound.add(block(0)), sound.add(block(1)))
        _ = sound.take(merging: true)
        let follows = sound.add(block(2))
        let jumps = sound.add(block(9))
        #expect(follows && !jumps)
        let taken = sound.take(merging: true)
        #expect(taken.map(\.timestamp) == [9 * 960] && taken.map(\.frame) == [1] && sound.isEmpty)
    }

    @Test func `who wants short packets gets the parts`() {
        var ring = PacketRing(byteLimit: 1 << 16)
        take((0..<2).map { block($0) }).forEach { ring.append($0) }
        var (short, long) = (CollectedPackets(), CollectedPackets())
        var media = ViewerMedia(
            video: nil,
            audio: .sound(ids: HeaderExtensionIDs()),
            takesMergedSound: false
        )
        media.pumpAudio(ring, at: 1, &short)
        media = ViewerMedia(video: nil, audio: .sound(ids: HeaderExtensionIDs()))
        media.pumpAudio(ring, at: 1, &long)
        #expect(short.headers.map(\.timestamp) == [5, 965] && short.headers.map(\.sequenceNumber) == [1, 2])
        #expect(long.headers.map(\.timestamp) == [5] && long.headers.map(\.sequenceNumber) == [1])
        #expect(OpusPacket.sampleCount(of: long.payload(0)) == 1920)
    }
}
