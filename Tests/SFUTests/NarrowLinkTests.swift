import Contracts
import RTP
import Testing

@testable import SFU

/// One viewer of three layers, whose link becomes narrow.
struct LayeredSession {
    private static let step: UInt64 = 5_000_000
    private static let second: UInt64 = 1_000_000_000

    var publisher: SimulatedPublisher
    var viewer = SimulatedViewer()
    var link = SimulatedLink(rate: 20_000_000)
    var media: ViewerMedia
    private(set) var layer: Int
    /// The changes of the layer, and nanoseconds since the link became narrow.
    private(set) var changes: [(time: UInt64, layer: Int)] = []
    private(set) var now: UInt64 = 5_000_000_000
    private var choice = LayerChoice()
    private var narrowed: UInt64 = 0
    private var next: (layer: Int, since: UInt64)?
    private var nextPicture: UInt64 = 0
    private var nextSound: UInt64 = 0
    private var nextCare: UInt64 = 0
    /// What the viewer has said, on its way.
    private var feedbacks: [(arrival: UInt64, feedback: TransportFeedback)] = []
    private var requests: [(arrival: UInt64, number: UInt16)] = []
    private let layers: [FeedLayer]

    init(bitrates: [Int]) {
        publisher = SimulatedPublisher(bitrates: bitrates)
        layers = bitrates.enumerated().map { index, bitrate in
            let feed = BusStreamName("stream", rendition: .layer("\(index)"))
            return FeedLayer(rid: "\(index)", feed: feed, width: 320, height: 180 << index, bitrate: bitrate)
        }
        layer = bitrates.count - 1
        media = ViewerMedia(
            video: .pictures(ids: SimulatedViewer.ids),
            audio: .sound(ids: SimulatedViewer.ids),
            hasLayers: true
        )
    }

    /// Lets the link carry so many bits a second with a queue of half a second, and measures anew from then on.
    mutating func narrow(to rate: Double) {
        link.rate = rate
        link.queueByteLimit = Int(rate / 8 / 2)
        link.sentByteCount = 0
        link.droppedCount = 0
        viewer.longestGap = 0
        changes = []
        narrowed = now
    }

    mutating func run(milliseconds: Int) {
        let end = now + UInt64(milliseconds) * 1_000_000
        while now < end {
            now += Self.step
            link.now = now
            addMedia()
            pump()
            for (arrival, bytes) in link.take() { viewer.receive(bytes, now: arrival) }
            listen()
            hear()
        }
    }

    private mutating func addMedia() {
        if now >= nextPicture {
            nextPicture = now + SimulatedPublisher.pictureInterval
            publisher.addPictures(now: now)
        }
        if now >= nextSound {
            nextSound = now + 20_000_000
            publisher.addSound(now: now)
        }
        guard now >= nextCare else { return }
        nextCare = now + Self.second
        media.earnResends(for: Self.second)
        choose()
        if let next { publisher.ask(next.layer, now: now) }
    }

    private mutating func pump() {
        if let next {
            let change = media.switchLayer(
                to: publisher.layers[next.layer].ring,
                since: next.since,
                from: publisher.layers[layer].ring,
                at: now,
                &link
            )
            if change == .done {
                layer = next.layer
                changes.append((now - narrowed, layer))
                self.next = nil
            }
            if change == .done || change == .waiting {
                _ = media.pumpVideo(publisher.layers[layer].ring, at: now, &link)
            }
        } else {
            _ = media.pumpVideo(publisher.layers[layer].ring, at: now, &link)
        }
        if media.estimator.isProbing { media.pumpProbe(publisher.layers[layer].ring, at: now, &link) }
        media.pumpAudio(publisher.sound, at: now, &link)
    }

    /// What the viewer says, and its way of 10 ms.
    private mutating func listen() {
        if let feedback = viewer.takeFeedback(now: now) { feedbacks.append((now + 10_000_000, feedback)) }
        requests += viewer.takeRequests(now: now).map { (now + 10_000_000, $0) }
        if viewer.takeKeyframeRequest(now: now) {
            if media.isRetreating || !media.restart(in: publisher.layers[layer].ring) {
                publisher.ask(next?.layer ?? layer, now: now)
            }
        }
    }

    private mutating func hear() {
        for (arrival, feedback) in feedbacks where arrival <= now {
            media.receive(feedback, at: now)
            choose()
        }
        feedbacks.removeAll { $0.arrival <= now }
        for (arrival, number) in requests where arrival <= now {
            media.resendVideo(number, from: publisher.layers[layer].ring, at: now, &link)
        }
        requests.removeAll { $0.arrival <= now }
    }

    private mutating func choose() {
        let chosen = choice.choose(
            among: layers,
            bitrates: layers.map(\.bitrate),
            current: layer,
            estimate: media.estimator.bitsPerSecond - 45_000,
            now: now
        )
        media.probe(for: (layers[layers.count - 1].bitrate + 45_000) * 135 / 100, at: now)
        guard let chosen, chosen != next?.layer else { return }
        next = nil
        media.isRetreating = false
        guard chosen != layer else { return }
        media.isRetreating = choice.isRetreating
        next = (chosen, now)
        publisher.ask(chosen, now: now)
    }
}

@Suite struct NarrowLinkTests {
    private static let moments = Array(stride(from: 0, to: 2000, by: 125))

    /// Three layers at 20 pictures a second, and a link that becomes narrower than the best of them.
    struct Narrowing: Sendable {
        var bitrates: [Int]
        /// Bits a second.
        var rate: Double
        /// The best layer that fits, with sound.
        var layer: Int
    }

    private static let narrowings = [
        Narrowing(bitrates: [112_000, 250_000, 512_000], rate: 256_000, layer: 0),
        Narrowing(bitrates: [112_000, 250_000, 512_000], rate: 400_000, layer: 1),
        Narrowing(bitrates: [150_000, 600_000, 2_400_000], rate: 1_200_000, layer: 1),
    ]

    /// Begins on a wide link, which then carries less with a queue of half a second, at any moment of the two seconds
    /// between keyframes.
    @Test(arguments: narrowings, moments)
    func `a link that becomes narrow at once stops the picture for a moment only`(
        narrowing: Narrowing,
        moment: Int
    ) {
        var session = LayeredSession(bitrates: narrowing.bitrates)
        session.run(milliseconds: 20_000 + moment)
        #expect(session.layer == 2)
        session.narrow(to: narrowing.rate)
        session.run(milliseconds: 1500)
        let early = Double(session.link.sentByteCount) * 8 / 1.5
        session.run(milliseconds: 10_500)
        let layers = session.changes.map(\.layer)
        #expect(session.viewer.longestGap <= 600_000_000)
        #expect(early < narrowing.rate * 1.4)
        #expect(layers == [narrowing.layer])
        session.link.rate = 20_000_000
        session.run(milliseconds: 16_000)
        #expect(session.changes.map(\.layer) == [narrowing.layer, 2], "and the best comes back, at once")
    }
}
