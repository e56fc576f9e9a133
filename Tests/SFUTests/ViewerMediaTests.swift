import RTP
import Testing

@testable import SFU

@Suite struct ViewerMediaTests {
    private var maker = BlockMaker()
    private var ring = PacketRing(byteLimit: 1 << 20)
    private var sink = CollectedPackets()
    private var hasMore = false

    private mutating func add(_ count: Int, key: Bool = false, sizes: [Int] = [100]) {
        for index in 0..<count { ring.append(maker.next(isKeyframe: key && index == 0, sizes: sizes)) }
    }

    private mutating func pump(_ media: inout ViewerMedia, at now: UInt64 = 1) -> Bool {
        media.pumpVideo(ring, at: now, &sink)
    }

    @Test mutating func `a viewer's numbers rise by one over the wrap, whatever the source's are`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(1, key: true, sizes: [1000, 1000, 400])
        add(9)
        hasMore = pump(&media)
        #expect(!hasMore)
        #expect(
            sink.headers.map(\.sequenceNumber) == [
                65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 0, 1, 2, 3, 4, 5,
            ]
        )
        #expect(sink.headers.map(\.hasMarker) == [false, false] + [Bool](repeating: true, count: 10))
        #expect(sink.headers.allSatisfy { $0.ssrc == 0x1111_1111 && $0.payloadType == 96 })
        #expect(sink.payload(4).prefix(2) == [2, 0])
    }

    @Test
    mutating func `who joins within a group gets it from its keyframe with times that end at the newest`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(5, key: true)
        add(100, key: true)
        hasMore = pump(&media)
        #expect(!hasMore)
        let times = sink.headers.map(\.timestamp)
        let newest = UInt32(truncatingIfNeeded: ring.newest!.timestamp) &+ (.max - 1000)
        #expect(times.count == 100)
        #expect(times.last == newest)
        #expect(newest &- times[0] == 99 * 90)
        add(1)
        hasMore = pump(&media)
        #expect(!hasMore)
        #expect(sink.headers.last?.timestamp == newest &+ 3000)
    }

    @Test mutating func `nothing is sent before a keyframe, nor of a group that is too long`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(10)
        hasMore = pump(&media)
        #expect(!hasMore)
        #expect(sink.packets.isEmpty)
        add(200, key: true)
        hasMore = pump(&media)
        #expect(!hasMore)
        #expect(sink.packets.isEmpty)
        add(1, key: true)
        hasMore = pump(&media)
        #expect(!hasMore)
        #expect(sink.packets.count == 1)
    }

    @Test mutating func `a lost packet is sent again in its own stream with its old number in front`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(20, key: true, sizes: [600, 300])
        _ = pump(&media)
        let lost = sink.packets[11]
        let header = sink.headers[11]
        let ring = ring
        media.resendVideo(header.sequenceNumber, from: ring, at: 1, &sink)
        let again = sink.headers[40]
        #expect(sink.packets.count == 41)
        #expect(again.ssrc == 0x2222_2222 && again.payloadType == 97 && again.sequenceNumber == 500)
        #expect(again.timestamp == header.timestamp && again.hasMarker == header.hasMarker)
        let number = [UInt8(header.sequenceNumber >> 8), UInt8(header.sequenceNumber & 255)]
        #expect(sink.payload(40) == number + lost.dropFirst(12))
        media.resendVideo(header.sequenceNumber &+ 5000, from: ring, at: 1, &sink)
        #expect(sink.packets.count == 41, "what was never sent is not sent again")
    }

    @Test mutating func `without such a stream the same bytes are sent again`() {
        var ids = HeaderExtensionIDs()
        ids[.transportSequenceNumber] = 3
        ids[.playoutDelay] = 5
        var media = ViewerMedia(video: .pictures(repairs: false, ids: ids), audio: nil)
        add(20, key: true)
        _ = pump(&media)
        add(40)
        _ = pump(&media)
        let ring = ring
        for index in [0, 19, 20, 49, 50, 59] {
            media.resendVideo(sink.headers[index].sequenceNumber, from: ring, at: 1, &sink)
            #expect(sink.packets.last == sink.packets[index])
        }
    }

    @Test mutating func `a burst is spread over time`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(500, key: true, sizes: [1000])
        var ring = PacketRing(byteLimit: 1 << 20)
        var maker = BlockMaker()
        for index in 0..<140 { ring.append(maker.next(isKeyframe: index == 0, sizes: [1000])) }
        hasMore = media.pumpVideo(ring, at: 1, &sink)
        #expect(hasMore)
        #expect((64...68).contains(sink.packets.count))
        hasMore = media.pumpVideo(ring, at: 5_000_001, &sink)
        #expect(hasMore)
        #expect((90...102).contains(sink.packets.count), "50 Mbit/s are 31 packets in 5 ms")
    }

    @Test mutating func `after a restart the times go on rising and old numbers are not answered`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(30, key: true)
        _ = pump(&media)
        let old = sink.headers[10].sequenceNumber
        let hasRestarted = media.restart(in: ring)
        #expect(hasRestarted)
        _ = pump(&media)
        add(10)
        _ = pump(&media)
        let times = sink.headers.map(\.timestamp)
        #expect(times.count == 70)
        for (earlier, later) in zip(times, times.dropFirst()) {
            #expect(Int32(bitPattern: later &- earlier) > 0)
        }
        let ring = ring
        media.resendVideo(old, from: ring, at: 1, &sink)
        #expect(sink.packets.count == 70)
    }

    @Test mutating func `a viewer that falls too far behind goes on at the newest keyframe`() {
        var media = ViewerMedia(video: .pictures(), audio: nil)
        add(1, key: true)
        _ = pump(&media)
        add(30)
        add(60, key: true)
        _ = pump(&media)
        #expect(media.restartCount == 1)
        #expect(sink.packets.count == 61)
    }
}
