import Codecs
import RTP

/// The sound of one feed on its way to a shard's viewers: what has come and may have to wait for a picture, of which
/// several packets become one where that is wanted.
///
/// As that leaves holes in the feed's numbers, frames are numbered anew.
struct WaitingSound {
    /// The longest packet that is made of several, in milliseconds: two of 20 ms, or three where a picture is late.
    static let packetMilliseconds = 60
    /// Differences of time that are no more than a container's rounding, in samples: 1 ms.
    private static let tolerance: UInt64 = 48

    private var blocks: [PacketBlock] = []
    /// The number that the feed gives its next frame.
    private var nextInFeed: UInt64?
    private var nextFrame: UInt64 = 0

    /// Whether nothing waits.
    var isEmpty: Bool { blocks.isEmpty }

    /// Takes the next frame of the feed.
    ///
    /// - Returns: `false` where it does not follow what came before, which is forgotten then.
    mutating func add(_ block: PacketBlock) -> Bool {
        let follows = nextInFeed == nil || nextInFeed == block.frame
        nextInFeed = block.frame &+ 1
        if !follows { blocks.removeAll() }
        blocks.append(block)
        return follows
    }

    /// Hands out what waits.
    ///
    /// - Parameter merging: Whether packets become one, as far as they can.
    mutating func take(merging: Bool) -> [PacketBlock] {
        guard !blocks.isEmpty else { return [] }
        var groups: [Group] = []
        for block in blocks {
            if merging, !groups.isEmpty, groups[groups.count - 1].add(block) { continue }
            groups.append(Group(block))
        }
        blocks.removeAll(keepingCapacity: true)
        return groups.map { group in
            defer { nextFrame &+= 1 }
            return group.block(numbered: nextFrame)
        }
    }

    /// Packets that become one.
    private struct Group {
        private static let sampleLimit = packetMilliseconds * Int(OpusPayload.clockRate) / 1000

        private let first: PacketBlock
        private var parts: [PacketBlock]
        private var frames = OpusRepacketiser()
        private var captureTime: UInt64?

        init(_ block: PacketBlock) {
            first = block
            parts = [block]
            captureTime = block.captureTime
            // What cannot be put together with others stays alone.
            _ = frames.add(block.payloads[0].span, limit: Self.sampleLimit)
        }

        mutating func add(_ block: PacketBlock) -> Bool {
            let offset = frames.sampleCount
            let distance = (block.timestamp &- first.timestamp &- Int64(offset)).magnitude
            guard offset > 0, distance <= tolerance,
                frames.add(block.payloads[0].span, limit: Self.sampleLimit)
            else { return false }
            parts.append(block)
            // A packet tells when its first sample was captured.
            let earlier = (UInt64(offset) << 32) / UInt64(OpusPayload.clockRate)
            captureTime = captureTime ?? block.captureTime.map { $0 &- earlier }
            return true
        }

        func block(numbered frame: UInt64) -> PacketBlock {
            var payloads = first.payloads
            if parts.count > 1 {
                payloads = PayloadRun()
                payloads.append(frames.packet.span)
            }
            return PacketBlock(
                frame: frame,
                firstPacket: frame,
                timestamp: first.timestamp,
                mediaTime: first.mediaTime,
                isKeyframe: first.isKeyframe,
                arrival: first.arrival,
                captureTime: captureTime,
                payloads: payloads,
                parts: parts.count > 1 ? parts : []
            )
        }
    }
}
