import Media
import RTP

@testable import SFU

/// The layers of a simulcast as a browser sends them: 20 pictures a second, keyframes of all each two seconds, and of one
/// some time after it was asked for.
struct SimulatedPublisher {
    /// One layer: its ring, and when a keyframe of it is due.
    struct Layer {
        /// Bits a second, keyframes among them.
        let bitrate: Int
        var ring = PacketRing(byteLimit: 1 << 20)
        fileprivate var frame: UInt64 = 0
        fileprivate var packet: UInt64 = 0
        fileprivate var keyframeTime: UInt64?
        fileprivate var lastAsked: UInt64 = 0

        init(bitrate: Int) { self.bitrate = bitrate }
    }

    static let pictureInterval: UInt64 = 50_000_000
    private static let keyframeInterval: UInt64 = 2_000_000_000
    private static let askInterval: UInt64 = 500_000_000
    /// How many times the bytes of another picture a keyframe has.
    private static let keyframeWeight = 4

    var layers: [Layer]
    var sound = PacketRing(byteLimit: 1 << 16)
    /// From a request to the keyframe, in nanoseconds.
    var keyframeDelay: UInt64 = 250_000_000
    private var soundFrame: UInt64 = 0
    private var nextKeyframes: UInt64 = 0
    private var ticks: Int64 = 900_000

    init(bitrates: [Int]) { layers = bitrates.map(Layer.init) }

    /// Asks for a keyframe of a layer.
    mutating func ask(_ index: Int, now: UInt64) {
        guard layers[index].keyframeTime == nil else { return }
        let earliest = layers[index].lastAsked + Self.askInterval
        layers[index].keyframeTime = max(now + keyframeDelay, earliest)
        layers[index].lastAsked = now
    }

    /// Adds the next picture of every layer.
    mutating func addPictures(now: UInt64) {
        let isDue = now >= nextKeyframes
        if isDue { nextKeyframes = now + Self.keyframeInterval }
        ticks += 90 * Int64(Self.pictureInterval / 1_000_000)
        for index in layers.indices {
            let isKeyframe = isDue || layers[index].keyframeTime.map { $0 <= now } ?? false
            if isKeyframe { layers[index].keyframeTime = nil }
            let byteCount = byteCount(index, isKeyframe)
            layers[index].add(isKeyframe: isKeyframe, ticks: ticks, byteCount: byteCount, now: now)
        }
    }

    /// Adds 20 ms of sound at 40 kbit/s.
    mutating func addSound(now: UInt64) {
        var run = PayloadRun()
        run.append([UInt8](repeating: 9, count: 100).span)
        sound.append(
            PacketBlock(
                frame: soundFrame,
                firstPacket: soundFrame,
                timestamp: Int64(soundFrame) * 960,
                mediaTime: Int64(soundFrame) * 20_000_000,
                isKeyframe: true,
                arrival: now,
                payloads: run
            )
        )
        soundFrame += 1
    }

    private func byteCount(_ index: Int, _ isKeyframe: Bool) -> Int {
        let count = Int(Self.keyframeInterval / Self.pictureInterval)
        let whole = layers[index].bitrate / 8 * 2
        return whole / (count - 1 + Self.keyframeWeight) * (isKeyframe ? Self.keyframeWeight : 1)
    }
}

extension SimulatedPublisher.Layer {
    /// Payloads begin with whether it is a keyframe, and the packet's place and their number in the picture.
    fileprivate mutating func add(isKeyframe: Bool, ticks: Int64, byteCount: Int, now: UInt64) {
        let count = (byteCount + 1099) / 1100
        var run = PayloadRun()
        for index in 0..<count {
            let start = [isKeyframe ? 1 : 0, UInt8(index), UInt8(count)]
            run.append((start + [UInt8](repeating: 7, count: byteCount / count - 3)).span)
        }
        ring.append(
            PacketBlock(
                frame: frame,
                firstPacket: packet,
                timestamp: ticks,
                mediaTime: ticks * 100_000 / 9,
                isKeyframe: isKeyframe,
                arrival: now,
                payloads: run
            )
        )
        frame += 1
        packet += UInt64(count)
    }
}
