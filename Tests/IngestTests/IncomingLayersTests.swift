import Contracts
import Media
import RTMP
import RTP
import SDP
import Testing

@testable import Ingest

/// A publisher that sends three layers, as Chromium offers them.
private struct LayeredPeer {
    static let mid = "1"

    let media: [NegotiatedMedia]
    let video: NegotiatedMedia
    private let format: OfferedCodec
    private var sequences: [UInt16] = [100, 200, 300]

    init() throws {
        media = try NegotiatedMedia.publishing(offer: "chromium-simulcast")
        video = try #require(media.first { $0.offer.kind == .video })
        format = try #require(video.codec)
    }

    var incoming: IncomingMedia { IncomingMedia(receiving: media) }

    static func ssrc(_ layer: Int) -> UInt32 { 1000 + UInt32(layer) }

    /// One picture of a layer in one packet, with the names of section and layer where `isNamed`.
    mutating func picture(
        _ layer: Int,
        timestamp: UInt32,
        isKeyframe: Bool = false,
        isNamed: Bool = true
    ) throws -> [UInt8] {
        defer { sequences[layer] &+= 1 }
        let unit: [UInt8] = (isKeyframe ? [0x65, 0x88] : [0x41, 0x9a]) + [UInt8](repeating: 0xab, count: 50)
        return try packet(
            payload: unit,
            payloadType: format.payloadType,
            sequence: sequences[layer],
            timestamp: timestamp,
            ssrc: Self.ssrc(layer),
            named: isNamed ? (.rid, video.layers[layer]) : nil
        )
    }

    /// A lost packet again, from a source that nobody has named before.
    func retransmission(_ layer: Int, of sequence: UInt16, timestamp: UInt32) throws -> [UInt8] {
        let number = [UInt8(truncatingIfNeeded: sequence >> 8), UInt8(truncatingIfNeeded: sequence)]
        return try packet(
            payload: number + [0x41, 0x9a] + [UInt8](repeating: 0xab, count: 50),
            payloadType: try #require(video.retransmissionPayloadType),
            sequence: 7,
            timestamp: timestamp,
            ssrc: 2000 + UInt32(layer),
            named: (.repairedRID, video.layers[layer])
        )
    }

    private func packet(
        payload: [UInt8],
        payloadType: UInt8,
        sequence: UInt16,
        timestamp: UInt32,
        ssrc: UInt32,
        named: (kind: HeaderExtensionKind, rid: String)?
    ) throws -> [UInt8] {
        var bytes: [UInt8] = [named == nil ? 0x80 : 0x90, 0x80 | payloadType]
        bytes += [UInt8(truncatingIfNeeded: sequence >> 8), UInt8(truncatingIfNeeded: sequence)]
        for value in [timestamp, ssrc] {
            bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
        }
        if let named {
            let mid = try #require(video.offer.mid)
            var block = try element(.mid, mid) + element(named.kind, named.rid)
            block += [UInt8](repeating: 0, count: (4 - block.count % 4) % 4)
            bytes += [0xbe, 0xde, 0, UInt8(block.count / 4)] + block
        }
        return bytes + payload
    }

    private func element(_ kind: HeaderExtensionKind, _ value: String) throws -> [UInt8] {
        let id = try #require(video.extensionID(kind.rawValue))
        return [id << 4 | UInt8(value.utf8.count - 1)] + Array(value.utf8)
    }
}

@Suite struct IncomingLayersTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let start: UInt64 = 1_000_000_000_000

    private func keyframeRequests(_ media: inout IncomingMedia, at now: UInt64) -> Set<UInt32> {
        let packets = media.takeFeedback(now: now).flatMap { RTCPCompound(parsing: $0.span).packets }
        return Set(
            packets.compactMap { packet in
                if case .pictureLossIndication(let request) = packet { request.mediaSSRC } else { nil }
            }
        )
    }

    @Test func `the answer takes the three layers of Chromium's offer`() throws {
        let peer = try LayeredPeer()
        #expect(peer.video.layers == ["h", "m", "l"])
        let text = SDPAnswer.text(
            peer.media,
            transport: AnswerTransport(fragment: "f", password: "p", fingerprint: "00", candidates: []),
            sessionID: 1
        )
        #expect(text.contains("a=simulcast:recv h;m;l\r\n"))
        #expect(text.contains("a=rid:l recv\r\n"))
        #expect(peer.incoming.layers == ["h", "m", "l"])
        #expect(peer.incoming.promised == [.video, .audio])
    }

    @Test func `layers are told apart by their names, and by their sources once these are known`() throws {
        var peer = try LayeredPeer()
        var media = peer.incoming
        for layer in 0..<3 {
            let packet = try peer.picture(layer, timestamp: 90_000, isKeyframe: true)
            media.receiveRTP(packet.span, now: Self.start)
        }
        for layer in [2, 0, 1] {
            let packet = try peer.picture(layer, timestamp: 93_000, isNamed: false)
            media.receiveRTP(packet.span, now: Self.start + 33 * Self.millisecond)
        }
        let frames = media.takeFrames()
        #expect(frames.map(\.layer) == [0, 1, 2, 2, 0, 1])
        #expect(frames.map(\.packet.trackID) == [0, 1, 2, 2, 0, 1])
        #expect(media.unknownCount == 0)
        var stranger = try LayeredPeer()
        var fresh = stranger.incoming
        let packet = try stranger.picture(0, timestamp: 90_000, isKeyframe: true, isNamed: false)
        fresh.receiveRTP(packet.span, now: Self.start)
        #expect(fresh.takeFrames().isEmpty && fresh.unknownCount == 1)
    }

    @Test func `a retransmission repairs the layer that it names`() throws {
        var peer = try LayeredPeer()
        var media = peer.incoming
        for layer in 0..<3 {
            let packet = try peer.picture(layer, timestamp: 90_000, isKeyframe: true)
            media.receiveRTP(packet.span, now: Self.start)
        }
        _ = media.takeFrames()
        _ = try peer.picture(1, timestamp: 93_000)
        let later = Self.start + 66 * Self.millisecond
        let packet = try peer.picture(1, timestamp: 96_000)
        media.receiveRTP(packet.span, now: later)
        #expect(media.takeFrames().isEmpty)
        let repair = try peer.retransmission(1, of: 201, timestamp: 93_000)
        media.receiveRTP(repair.span, now: later + 10 * Self.millisecond)
        #expect(media.takeFrames().map(\.layer) == [1, 1])
        #expect(media.lostCount == 0)
    }

    @Test
    func `keyframes of all layers are asked for together, of one alone where one is wanted, once a second`()
        throws
    {
        var peer = try LayeredPeer()
        var media = peer.incoming
        var now = Self.start
        func send(_ isKeyframe: Bool, _ layers: [Int] = [0, 1, 2]) throws {
            for layer in layers {
                let ticks = UInt32(truncatingIfNeeded: (now - Self.start) / Self.millisecond * 90) &+ 90_000
                let packet = try peer.picture(layer, timestamp: ticks, isKeyframe: isKeyframe)
                media.receiveRTP(packet.span, now: now)
            }
        }
        let all = Set((0..<3).map(LayeredPeer.ssrc))
        try send(true)
        #expect(keyframeRequests(&media, at: now).isEmpty)
        media.ask([.layer(try #require(.layer("m")))])
        now += 20 * Self.millisecond
        #expect(keyframeRequests(&media, at: now) == [LayeredPeer.ssrc(1)])
        now += 20 * Self.millisecond
        try send(true, [1])
        media.ask([.all])
        now += 100 * Self.millisecond
        try send(false)
        // The layer that has just been asked waits for its second.
        #expect(keyframeRequests(&media, at: now) == [LayeredPeer.ssrc(0), LayeredPeer.ssrc(2)])
        now += 900 * Self.millisecond
        try send(true)
        now += 1990 * Self.millisecond
        try send(false)
        #expect(keyframeRequests(&media, at: now).isEmpty)
        now += 30 * Self.millisecond
        #expect(keyframeRequests(&media, at: now) == all)
    }

    @Test func `the others are asked for keyframes when a layer falls silent, which is asked for nothing`()
        throws
    {
        var peer = try LayeredPeer()
        var media = peer.incoming
        var now = Self.start
        for layer in 0..<3 {
            let packet = try peer.picture(layer, timestamp: 90_000, isKeyframe: true)
            media.receiveRTP(packet.span, now: now)
        }
        #expect(keyframeRequests(&media, at: now).isEmpty)
        now += 999 * Self.millisecond
        for layer in [1, 2] {
            let packet = try peer.picture(layer, timestamp: 180_000)
            media.receiveRTP(packet.span, now: now)
        }
        #expect(keyframeRequests(&media, at: now).isEmpty)
        now += 2 * Self.millisecond
        #expect(keyframeRequests(&media, at: now) == [LayeredPeer.ssrc(1), LayeredPeer.ssrc(2)])
    }
}
