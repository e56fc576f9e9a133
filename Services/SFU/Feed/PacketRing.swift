/// The newest blocks of one track, bounded by bytes: what a viewer joins with, and what is sent again.
struct PacketRing {
    /// Blocks that are kept whatever they weigh, so that the newest can always be sent.
    private static let blockFloor = 2
    /// Removed blocks that wait at the front until the memory is moved together.
    private static let slackLimit = 128

    let byteLimit: Int
    private var blocks: [PacketBlock] = []
    private var start = 0
    private(set) var byteCount = 0
    /// The frame of the newest keyframe that is still there.
    private(set) var newestKeyframe: UInt64?
    /// The bytes from the newest keyframe on.
    private(set) var groupByteCount = 0

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    var isEmpty: Bool { start == blocks.count }
    var newest: PacketBlock? { isEmpty ? nil : blocks[blocks.count - 1] }
    var oldest: PacketBlock? { isEmpty ? nil : blocks[start] }
    /// The frame after the newest.
    var endFrame: UInt64 { newest.map { $0.frame &+ 1 } ?? 0 }

    /// Adds the next block; where it does not follow the newest, what was there is forgotten.
    mutating func append(_ block: PacketBlock) {
        if let newest, block.frame != newest.frame &+ 1 { removeAll() }
        blocks.append(block)
        byteCount += block.byteCount
        if block.isKeyframe {
            newestKeyframe = block.frame
            groupByteCount = 0
        }
        groupByteCount += block.byteCount
        while byteCount > byteLimit, blocks.count - start > Self.blockFloor { removeOldest() }
    }

    mutating func removeAll() {
        blocks.removeAll(keepingCapacity: true)
        start = 0
        byteCount = 0
        newestKeyframe = nil
    }

    /// The block of a frame, where it is still there.
    func block(at frame: UInt64) -> PacketBlock? {
        guard let oldest, frame >= oldest.frame, frame < endFrame else { return nil }
        return blocks[start + Int(frame - oldest.frame)]
    }

    /// The block that holds a packet, where it is still there.
    func block(withPacket packet: UInt64) -> PacketBlock? {
        guard let oldest, let newest, packet >= oldest.firstPacket, packet < newest.endPacket else {
            return nil
        }
        var low = start
        var high = blocks.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if blocks[middle].firstPacket <= packet { low = middle } else { high = middle - 1 }
        }
        return blocks[low]
    }

    private mutating func removeOldest() {
        byteCount -= blocks[start].byteCount
        if newestKeyframe == blocks[start].frame { newestKeyframe = nil }
        start += 1
        guard start > Self.slackLimit, start * 2 > blocks.count else { return }
        blocks.removeFirst(start)
        start = 0
    }
}

extension PacketRing {
    /// Every block that is there.
    var all: [PacketBlock] {
        guard let oldest else { return [] }
        return (oldest.frame..<endFrame).compactMap { block(at: $0) }
    }
}
