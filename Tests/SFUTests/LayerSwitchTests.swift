import Contracts
import FoundationEssentials
import RTP
import Testing

@testable import SFU

@Suite struct LayerSwitchTests {
    private var maker = BlockMaker()
    private var otherMaker = BlockMaker(frame: 700, packet: 9000)
    private var ring = PacketRing(byteLimit: 1 << 20)
    private var other = PacketRing(byteLimit: 1 << 20)
    private var sink = CollectedPackets()
    private var media = ViewerMedia(video: .pictures(), audio: nil)

    private mutating func add(_ count: Int, key: Bool = false) {
        for index in 0..<count { ring.append(maker.next(isKeyframe: key && index == 0)) }
    }

    private mutating func addOther(_ count: Int = 1, key: Bool = false, sizes: [Int] = [50]) {
        for index in 0..<count { other.append(otherMaker.next(isKeyframe: key && index == 0, sizes: sizes)) }
    }

    private mutating func pump() { _ = media.pumpVideo(ring, at: 1, &sink) }

    /// Tries to go over, and sends what may be sent then.
    private mutating func change(since time: UInt64 = 1) -> LayerSwitch {
        let change = media.switchLayer(to: other, since: time, from: ring, at: 1, &sink)
        if change == .done { _ = media.pumpVideo(other, at: 1, &sink) }
        return change
    }

    private func expectSteadyNumbers() {
        let headers = sink.headers
        for (earlier, later) in zip(headers, headers.dropFirst()) {
            #expect(later.sequenceNumber == earlier.sequenceNumber &+ 1)
            #expect(Int32(bitPattern: later.timestamp &- earlier.timestamp) >= 0)
        }
    }

    @Test mutating func `another layer begins at its keyframe, after the last picture before it`() {
        add(30, key: true)
        addOther(30, key: true)
        pump()
        #expect(change() == .waiting, "its keyframe is old")
        add(1)
        addOther(1)
        add(1)
        addOther(1, key: true, sizes: [200, 200])
        #expect(change() == .done)
        add(1)
        addOther(1)
        _ = media.pumpVideo(other, at: 1, &sink)
        let headers = sink.headers
        #expect(headers.count == 34)
        #expect(sink.payload(30).first == 30, "the picture before the keyframe is of the old layer")
        #expect(sink.payload(31).first == UInt8(truncatingIfNeeded: 731))
        #expect(headers[31].timestamp == headers[30].timestamp &+ 3000)
        #expect(headers[32].timestamp == headers[31].timestamp)
        #expect(headers[33].timestamp == headers[32].timestamp &+ 3000)
        expectSteadyNumbers()
        media.resendVideo(headers[32].sequenceNumber, from: other, at: 1, &sink)
        #expect(sink.packets.count == 35)
        media.resendVideo(headers[20].sequenceNumber, from: other, at: 1, &sink)
        #expect(sink.packets.count == 35, "nothing is made from what the old layer sent")
    }

    @Test
    mutating func `pictures that come late are waited for as long as one picture of the new layer takes`() {
        add(30, key: true)
        pump()
        addOther(31)
        addOther(1, key: true)
        #expect(change() == .leaving(isBehind: false), "two pictures of the old layer are missing")
        add(1)
        #expect(change() == .leaving(isBehind: false))
        add(2)
        #expect(change() == .done)
        #expect(sink.payload(31).first == UInt8(truncatingIfNeeded: 731))
        #expect(sink.packets.count == 32)
        expectSteadyNumbers()
    }

    @Test mutating func `a layer that has fallen silent is left with the second picture of the new one`() {
        add(30, key: true)
        pump()
        addOther(40)
        addOther(1, key: true)
        #expect(change() == .leaving(isBehind: false))
        addOther(1)
        #expect(change() == .done)
        #expect(sink.packets.count == 32)
        expectSteadyNumbers()
    }

    @Test mutating func `times go on rising where the new layer is behind the old`() {
        add(30, key: true)
        pump()
        addOther(26)
        addOther(1, key: true)
        #expect(change() == .done)
        let last = sink.headers[29].timestamp
        #expect(sink.headers[30].timestamp == last &+ 1)
        for _ in 0..<6 {
            addOther(1)
            _ = media.pumpVideo(other, at: 1, &sink)
        }
        let times = sink.headers[30...].map { $0.timestamp &- last }
        #expect(times == [1, 2, 3, 4, 3000, 6000, 9000])
        expectSteadyNumbers()
    }

    @Test mutating func `who is behind leaves out what is left of the old layer`() {
        add(1, key: true)
        for _ in 0..<99 { ring.append(maker.next(sizes: [1000])) }
        addOther(100)
        pump()
        let sent = sink.packets.count
        #expect(sent < 100)
        addOther(1, key: true)
        #expect(change() == .leaving(isBehind: true))
        addOther(1)
        #expect(change() == .done)
        _ = media.pumpVideo(other, at: 100_000_000, &sink)
        #expect(sink.packets.count == sent + 2)
        expectSteadyNumbers()
    }

    @Test mutating func `a layer that the path does not carry is left after the picture that has begun`() {
        add(1, key: true)
        for _ in 0..<99 { ring.append(maker.next(sizes: [1000, 1000])) }
        addOther(100)
        pump()
        let sent = sink.packets.count
        media.isRetreating = true
        addOther(1, key: true)
        #expect(change() != .done, "the second half of a picture is still to be sent")
        var now: UInt64 = 1
        while media.switchLayer(to: other, since: 1, from: ring, at: now, &sink) != .done { now += 5_000_000 }
        #expect(sink.packets.count <= sent + 1)
        #expect(!media.isRetreating)
        _ = media.pumpVideo(other, at: now + 100_000_000, &sink)
        #expect(sink.payload(sink.packets.count - 1).first == UInt8(truncatingIfNeeded: 800))
        expectSteadyNumbers()
    }
}

@Suite struct LayerChoiceTests {
    private var choice = LayerChoice()
    private let layers = [
        FeedLayer(rid: "l", width: 320, height: 180, bitrate: 150_000),
        FeedLayer(rid: "m", width: 640, height: 360, bitrate: 500_000),
        FeedLayer(rid: "h", width: 1280, height: 720, bitrate: 2_000_000),
    ]

    private mutating func choose(
        _ estimate: Int,
        seconds: UInt64 = 0,
        current: Int? = nil,
        among layers: [FeedLayer]? = nil
    ) -> String? {
        let layers = layers ?? self.layers
        let chosen = choice.choose(
            among: layers,
            bitrates: layers.map(\.bitrate),
            current: current,
            estimate: estimate,
            now: seconds * 1_000_000_000
        )
        return chosen.map { layers[$0].rid }
    }

    private mutating func wish(_ text: String) throws {
        try JSONDecoder().decode(LayerWish.Change.self, from: Data(text.utf8)).apply(to: &choice.wish)
    }

    @Test mutating func `the wish for a layer or a height goes before what the path carries`() throws {
        #expect(choose(9_000_000) == "h")
        try wish(#"{"maxHeight": 400}"#)
        #expect(choose(9_000_000) == "m")
        #expect(choice.reason == .size)
        try wish(#"{"maxHeight": 100}"#)
        #expect(choose(9_000_000) == "l", "the smallest, where all are larger")
        try wish(#"{"layer": "h"}"#)
        #expect(choose(100_000) == "h")
        #expect(choice.reason == .wish)
        try wish(#"{"layer": "auto", "maxHeight": null}"#)
        #expect(choice.wish == LayerWish())
        #expect(choose(200_000) == "l")
    }

    @Test(arguments: [
        #"{"layer": "a b"}"#, #"{"layer": null}"#, #"{"layer": ""}"#, #"{"maxHeight": 0}"#,
        #"{"maxHeight": 99999}"#, #"{"maxHeight": "x"}"#, "[]",
    ])
    func `a wish that makes no sense is refused`(text: String) {
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(LayerWish.Change.self, from: Data(text.utf8))
        }
    }

    @Test mutating func `a layer keeps its place where another comes or goes`() {
        #expect(choose(700_000) == "m")
        #expect(choose(700_000, seconds: 1, current: 0, among: [layers[1], layers[2]]) == "m")
        #expect(choose(700_000, seconds: 2, current: 1) == "m")
        #expect(choose(700_000, seconds: 3, current: 1, among: [layers[0], layers[2]]) == "l")
    }
}

@Suite struct PictureRateTests {
    @Test func `a layer's rate is that of the last two seconds, until nothing comes any more`() {
        var rate = PictureRate()
        #expect(rate.isSilent(at: 5_000_000_000))
        for index in 0..<100 { rate.add(2500, at: 5_000_000_000 + UInt64(index) * 40_000_000) }
        #expect((500_000...540_000).contains(rate.bitsPerSecond ?? 0))
        #expect(!rate.isSilent(at: 10_000_000_000))
        #expect(rate.isSilent(at: 11_000_000_000))
    }
}

extension FeedLayer {
    fileprivate init(rid: String, width: Int, height: Int, bitrate: Int) {
        let feed = BusStreamName("stream", rendition: .layer(rid))
        self.init(rid: rid, feed: feed, width: width, height: height, bitrate: bitrate)
    }
}
