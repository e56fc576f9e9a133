/// Puts Opus packets that follow each other into one, without a change to their frames (RFC 6716 §3.2).
///
/// Only what every decoder takes for the same sound is put together: frames of one configuration and one number of
/// channels, each with something in it. Frames that say that nothing is sent (DTX) and packets with padding, in which
/// extensions may be, stay what they are.
public struct OpusRepacketiser {
    /// The most bytes of a frame (RFC 6716 §3.4, R2).
    private static let frameByteLimit = 1275
    /// The shortest frame that is no sign of silence or loss.
    private static let leastFrameByteCount = 2
    /// Lengths from here on take two bytes (RFC 6716 §3.2.1).
    private static let longLength = 252

    /// Configuration and channels: the first byte without the number of frames.
    private var configuration: UInt8 = 0
    private var sizes: [Int] = []
    private var bytes: [UInt8] = []
    /// Samples at 48 kHz of all frames.
    public private(set) var sampleCount = 0

    /// Creates one without a frame.
    public init() {}

    /// Adds the frames of a packet.
    ///
    /// - Parameter limit: The most samples at 48 kHz of all frames, at most ``OpusPacket/maximumSampleCount``.
    /// - Returns: `false`, and adds nothing, where the packet is broken, or must not or cannot be put together with
    ///   those before.
    public mutating func add(_ packet: Span<UInt8>, limit: Int = OpusPacket.maximumSampleCount) -> Bool {
        guard let count = OpusPacket.sampleCount(of: packet),
            sampleCount + count <= min(limit, OpusPacket.maximumSampleCount)
        else { return false }
        let kind = packet[0] & ~3
        guard sizes.isEmpty || kind == configuration, let frames = Self.frames(of: packet) else {
            return false
        }
        guard frames.sizes.allSatisfy({ (Self.leastFrameByteCount...Self.frameByteLimit).contains($0) })
        else {
            return false
        }
        configuration = kind
        sizes += frames.sizes
        for index in frames.offset..<packet.count { bytes.append(packet[index]) }
        sampleCount += count
        return true
    }

    /// The frames' sizes, and where the first begins; the last ends where the packet does.
    ///
    /// - Returns: `nil` where the packet is broken or has padding.
    private static func frames(of packet: Span<UInt8>) -> (sizes: [Int], offset: Int)? {
        var offset = 1
        switch packet[0] & 3 {
        case 0: return ([packet.count - offset], offset)
        case 1: return equalFrames(2, of: packet, from: offset)
        case 2: return unequalFrames(2, of: packet, from: &offset)
        default:
            // `sampleCount(of:)` has seen that the second byte is there and counts at least one frame.
            let second = packet[1]
            guard second & 0x40 == 0 else { return nil }
            offset = 2
            let count = Int(second & 0x3f)
            let isEqual = second & 0x80 == 0
            return isEqual
                ? equalFrames(count, of: packet, from: offset)
                : unequalFrames(count, of: packet, from: &offset)
        }
    }

    private static func equalFrames(
        _ count: Int,
        of packet: Span<UInt8>,
        from offset: Int
    ) -> (sizes: [Int], offset: Int)? {
        let rest = packet.count - offset
        guard rest % count == 0 else { return nil }
        return ([Int](repeating: rest / count, count: count), offset)
    }

    /// Reads the lengths of all frames but the last, which has the rest.
    private static func unequalFrames(
        _ count: Int,
        of packet: Span<UInt8>,
        from offset: inout Int
    ) -> (sizes: [Int], offset: Int)? {
        var sizes: [Int] = []
        for _ in 1..<count {
            guard offset < packet.count else { return nil }
            var size = Int(packet[offset])
            offset += 1
            if size >= longLength {
                guard offset < packet.count else { return nil }
                size += 4 * Int(packet[offset])
                offset += 1
            }
            sizes.append(size)
        }
        let last = packet.count - offset - sizes.reduce(0, +)
        guard last >= 0 else { return nil }
        return (sizes + [last], offset)
    }

    /// All frames as one packet in its shortest form; empty where there are none.
    public var packet: [UInt8] {
        guard let first = sizes.first else { return [] }
        let isEqual = sizes.allSatisfy { $0 == first }
        switch (sizes.count, isEqual) {
        case (1, _): return [configuration] + bytes
        case (2, true): return [configuration | 1] + bytes
        case (2, false): return [configuration | 2] + Self.length(first) + bytes
        case (let count, true): return [configuration | 3, UInt8(count)] + bytes
        case (let count, false):
            return [configuration | 3, 0x80 | UInt8(count)] + sizes.dropLast().flatMap(Self.length) + bytes
        }
    }

    private static func length(_ count: Int) -> [UInt8] {
        guard count >= longLength else { return [UInt8(count)] }
        let low = longLength + count % 4
        return [UInt8(low), UInt8((count - low) / 4)]
    }
}
