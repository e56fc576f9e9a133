import Media
import RTP

@testable import SFU

/// Collects a viewer's packets.
struct CollectedPackets: PacketSink {
    var packets: [[UInt8]] = []
    var isBacklogged = false

    mutating func send(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
        var memory = [UInt8](repeating: 0, count: byteCount)
        // SAFETY: the memory has as many bytes as are written, and lives for the call.
        unsafe memory.withUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return }
            unsafe write(base)
        }
        packets.append(memory)
    }

    /// The packets, read.
    var headers: [RTPHeader] { packets.compactMap { Self.read($0)?.header } }

    private static func read(_ bytes: [UInt8]) -> RTPPacket? { try? RTPPacket(parsing: bytes.span) }

    /// The payload of one of the packets.
    func payload(_ index: Int) -> [UInt8] {
        guard let packet = Self.read(packets[index]) else { return [] }
        return Array(packets[index][packet.payloadRange])
    }
}

/// Makes the blocks of a track whose frames are a thirtieth of a second apart.
struct BlockMaker {
    var frame: UInt64 = 0
    var packet: UInt64 = 0
    var ticks: Int64 = 900_000

    mutating func next(
        isKeyframe: Bool = false,
        sizes: [Int] = [100],
        captureTime: UInt64? = nil,
        arrival: UInt64 = 0
    ) -> PacketBlock {
        var run = PayloadRun()
        for (index, size) in sizes.enumerated() {
            let payload =
                [UInt8(truncatingIfNeeded: frame), UInt8(index)] + [UInt8](repeating: 7, count: size - 2)
            run.append(payload.span)
        }
        let block = PacketBlock(
            frame: frame,
            firstPacket: packet,
            timestamp: ticks,
            mediaTime: ticks * 100_000 / 9,
            isKeyframe: isKeyframe,
            arrival: arrival,
            captureTime: captureTime,
            payloads: run
        )
        frame += 1
        packet += UInt64(sizes.count)
        ticks += 3000
        return block
    }
}

extension OutgoingTrack {
    /// A track of pictures with retransmissions.
    static func pictures(
        firstSequence: UInt16 = 65_530,
        timestampOffset: UInt32 = .max - 1000,
        repairs: Bool = true,
        ids: HeaderExtensionIDs = HeaderExtensionIDs(),
        templates: ExtensionTemplates? = nil
    ) -> OutgoingTrack {
        OutgoingTrack(
            ssrc: 0x1111_1111,
            payloadType: 96,
            marksFrames: true,
            templates: templates ?? ExtensionTemplates(ids: ids, isNumbered: repairs),
            retransmission: repairs
                ? Retransmission(ssrc: 0x2222_2222, payloadType: 97, nextSequence: 500) : nil,
            firstSequence: firstSequence,
            timestampOffset: timestampOffset,
            memory: 1024
        )
    }
}

extension OutgoingTrack {
    /// A track of sound.
    static func sound(ids: HeaderExtensionIDs) -> OutgoingTrack {
        OutgoingTrack(
            ssrc: 0x3333_3333,
            payloadType: 111,
            marksFrames: false,
            templates: ExtensionTemplates(ids: ids, isNumbered: true),
            retransmission: nil,
            firstSequence: 1,
            timestampOffset: 5,
            memory: 0
        )
    }
}

extension PacketBlock {
    /// 20 ms of Opus: a frame of `size` bytes.
    static func sound(
        _ frame: UInt64,
        size: Int = 100,
        captureTime: UInt64? = nil,
        ticks: Int64? = nil
    ) -> PacketBlock {
        var run = PayloadRun()
        let payload = [0xfc] + [UInt8](repeating: UInt8(truncatingIfNeeded: frame), count: size)
        run.append(payload.span)
        return PacketBlock(
            frame: frame,
            firstPacket: frame,
            timestamp: ticks ?? Int64(frame) * 960,
            mediaTime: Int64(frame) * 20_000_000,
            isKeyframe: true,
            arrival: 0,
            captureTime: captureTime,
            payloads: run
        )
    }
}
