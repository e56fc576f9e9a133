import RTP
import Testing

@testable import SFU

/// Viewers by TCP, where nothing is lost and all that was sent has to go before anything newer can.
@Suite struct ConnectionBacklogTests {
    private static let step: UInt64 = 5_000_000
    private static let picturesPerSecond: UInt64 = 30
    /// What the kernel and the connection hold.
    private static let backlog = 8 * 1024

    /// Pictures of 560 kbit/s, and when each was made.
    private struct Source {
        /// Pictures from keyframe to keyframe.
        let group: UInt64
        var maker = BlockMaker()
        var ring = PacketRing(byteLimit: 1 << 20)
        var times: [UInt64] = []

        mutating func add(at now: UInt64) {
            let isKeyframe = maker.frame % group == 0
            let sizes = [Int](repeating: 1100, count: isKeyframe ? 9 : 2)
            ring.append(maker.next(isKeyframe: isKeyframe, sizes: sizes))
            times.append(now)
        }

        /// The frame that a payload belongs to, of the newest 256.
        func frame(of payload: UInt8) -> UInt64 {
            let newest = maker.frame - 1
            return newest - min(newest, UInt64(UInt8(truncatingIfNeeded: newest) &- payload))
        }
    }

    /// A path that is too narrow, and how late pictures may come by it.
    struct Narrowness: Sendable {
        /// Bits a second.
        var rate: Double
        /// Seconds from keyframe to keyframe.
        var group: UInt64
        var milliseconds: UInt64
    }

    private static let paths = [
        Narrowness(rate: 500_000, group: 2, milliseconds: 800),
        Narrowness(rate: 400_000, group: 2, milliseconds: 1000),
        Narrowness(rate: 250_000, group: 2, milliseconds: 2000),
        Narrowness(rate: 100_000, group: 2, milliseconds: 3500),
        Narrowness(rate: 400_000, group: 8, milliseconds: 2500),
    ]

    @Test(arguments: paths)
    func `who gets less than the pictures need is hardly behind, and goes on at keyframes`(
        path: Narrowness
    ) throws {
        var source = Source(group: path.group * Self.picturesPerSecond)
        var media = ViewerMedia(video: .pictures(repairs: false), audio: nil)
        var link = SimulatedLink(rate: path.rate)
        link.backlogByteLimit = Self.backlog
        var last: (frame: UInt64, index: UInt8)?
        var worst: UInt64 = 0
        var keyframes = 0
        for turn in 1...UInt64(60_000_000_000 / Self.step) {
            let now = turn * Self.step
            link.now = now
            while UInt64(source.times.count) * 1_000_000_000 / Self.picturesPerSecond <= now {
                source.add(at: now)
            }
            _ = media.pumpVideo(source.ring, at: now, &link)
            for (arrival, bytes) in link.take() {
                let payload = try RTPPacket(parsing: bytes.span).payloadRange.lowerBound
                let (frame, index) = (source.frame(of: bytes[payload]), bytes[payload + 1])
                if let last, frame != last.frame, frame != last.frame + 1 {
                    #expect(frame % source.group == 0 && index == 0, "it goes on at a keyframe")
                    keyframes += 1
                }
                last = (frame, index)
                worst = max(worst, arrival &- source.times[Int(frame)])
            }
        }
        #expect(worst < path.milliseconds * 1_000_000)
        #expect(keyframes >= 6)
        #expect(source.maker.frame - (last?.frame ?? 0) < Self.picturesPerSecond * 4)
    }

    @Test func `who has kept up is not hurried to a keyframe`() {
        var source = Source(group: 60)
        var media = ViewerMedia(video: .pictures(repairs: false), audio: nil)
        var sink = CollectedPackets()
        for picture in 0..<UInt64(600) {
            source.add(at: picture)
            // Each fifth picture has to wait for the next turn.
            sink.isBacklogged = picture % 5 == 4
            let isBehind = media.pumpVideo(source.ring, at: 1 + picture * 33_000_000, &sink)
            #expect(isBehind == sink.isBacklogged)
        }
        #expect(media.restartCount == 0)
    }

    @Test func `who waits for a keyframe gets the first of pictures that are counted anew`() {
        var source = Source(group: 1000)
        var media = ViewerMedia(video: .pictures(repairs: false), audio: nil)
        var sink = CollectedPackets()
        func pump(_ pictures: Int) -> Int {
            let before = sink.packets.count
            for _ in 0..<pictures { source.add(at: 1) }
            _ = media.pumpVideo(source.ring, at: 1, &sink)
            return sink.packets.count - before
        }
        #expect(pump(10) > 0)
        sink.isBacklogged = true
        #expect(pump(1) == 0)
        #expect(pump(90) == 0)
        sink.isBacklogged = false
        #expect(pump(30) == 0 && media.restartCount == 1)
        source = Source(group: 1000)
        #expect(pump(10) > 0)
    }
}
