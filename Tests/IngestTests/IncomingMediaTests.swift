import Contracts
import Media
import RTMP
import RTP
import SDP
import Testing

@testable import Ingest

/// A publisher that sends the packets of a session that was negotiated with Chromium's offer.
private struct SendingPeer {
    static let millisecond: UInt64 = 1_000_000

    let media: [NegotiatedMedia]
    let video: NegotiatedMedia
    let audio: NegotiatedMedia
    let videoSSRC: UInt32
    let audioSSRC: UInt32 = 77
    var sequence: UInt16 = 65_530
    var audioSequence: UInt16 = 5
    var timestamp: UInt32 = 0xffff_f000
    var sent: [UInt16: [UInt8]] = [:]

    init() throws {
        media = try NegotiatedMedia.publishing(offer: "chromium-publish")
        video = try #require(media.first { $0.offer.kind == .video })
        audio = try #require(media.first { $0.offer.kind == .audio })
        videoSSRC = try #require(video.offer.ssrcs.first)
    }

    var incoming: IncomingMedia { IncomingMedia(receiving: media) }

    /// The packets of one picture, 33 ms after the one before.
    mutating func picture(isKeyframe: Bool, packetCount: Int = 3) throws -> [[UInt8]] {
        timestamp &+= 3000
        let header: [UInt8] = isKeyframe ? [0x65, 0x88] : [0x41, 0x9a]
        let unit = header + [UInt8](repeating: 0xab, count: 900 * packetCount)
        let count = unit.count
        let accessUnit = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + unit
        var packetiser = H264Packetiser(maximumPayloadByteCount: 1000)
        var run = PayloadRun()
        try packetiser.packetise(accessUnit.span, into: &run)
        let format = try #require(video.codec)
        return (0..<run.count).map { index in
            defer { sequence &+= 1 }
            let header = RTPHeader(
                hasMarker: index == run.count - 1,
                payloadType: format.payloadType,
                sequenceNumber: sequence,
                timestamp: timestamp,
                ssrc: videoSSRC
            )
            let packet = header.packet(payload: run[index].span)
            sent[sequence] = packet
            return packet
        }
    }

    mutating func sound(timestamp: UInt32) throws -> [UInt8] {
        defer { audioSequence &+= 1 }
        let format = try #require(audio.codec)
        let header = RTPHeader(
            hasMarker: false,
            payloadType: format.payloadType,
            sequenceNumber: audioSequence,
            timestamp: timestamp,
            ssrc: audioSSRC
        )
        // Twenty milliseconds of CELT.
        return header.packet(payload: ([0xf8, 0xff, 0xfe] as [UInt8]).span)
    }

    /// The packet of number `sequence` again, in the format of retransmissions.
    func retransmission(of sequence: UInt16, number: UInt16) throws -> [UInt8] {
        let bytes = try #require(sent[sequence])
        let packet = try RTPPacket(parsing: bytes.span)
        let header = RTPHeader(
            hasMarker: false,
            payloadType: try #require(video.retransmissionPayloadType),
            sequenceNumber: number,
            timestamp: 0,
            ssrc: video.offer.retransmissionSSRCs[videoSSRC] ?? 9
        )
        return RetransmissionPayload.packet(of: packet, in: bytes.span, header: header)
    }
}

@Suite struct IncomingMediaTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let start: UInt64 = 1_000_000_000_000

    private func feedback(of media: inout IncomingMedia, at now: UInt64) -> [RTCPPacket] {
        media.takeFeedback(now: now).flatMap { RTCPCompound(parsing: $0.span).packets }
    }

    private func requested(_ packets: [RTCPPacket]) -> [UInt16] {
        packets.flatMap { packet -> [UInt16] in
            if case .negativeAcknowledgement(let request) = packet { return request.sequenceNumbers }
            return []
        }
    }

    private func asksForKeyframe(_ packets: [RTCPPacket]) -> Bool {
        packets.contains { if case .pictureLossIndication = $0 { true } else { false } }
    }

    private func isKeyframe(_ frame: ArrivedFrame) -> Bool {
        if case .coded(let coded) = frame.packet.content { return coded.isKeyframe }
        return false
    }

    @Test func `pictures and sound come out with their times`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        var frames: [ArrivedFrame] = []
        for index in 0..<6 {
            let now = Self.start + UInt64(index) * 33 * Self.millisecond
            for packet in try peer.picture(isKeyframe: index == 0) { media.receiveRTP(packet.span, now: now) }
            let sound = try peer.sound(timestamp: UInt32(index) * 960)
            media.receiveRTP(sound.span, now: now)
            frames += media.takeFrames()
        }
        let pictures = frames.filter(\.isVideo)
        #expect(pictures.count == 6)
        #expect(frames.count == 12)
        #expect(isKeyframe(pictures[0]) && !isKeyframe(pictures[1]))
        #expect(pictures[0].timestamp == 1_000_000)
        #expect(pictures[5].timestamp &- pictures[0].timestamp == 166)
        #expect(frames.filter { !$0.isVideo }.map(\.packet.codec) == Array(repeating: .opus, count: 6))
        #expect(media.promised == [.video, .audio])
    }

    @Test func `times of capture tell how old it is what comes`() throws {
        let negotiated = try NegotiatedMedia.publishing(offer: "chromium-publish") {
            $0.replacing("urn:ietf:params:rtp-hdrext:toffset", with: ExtensionURI.absoluteCaptureTime)
        }
        let video = try #require(negotiated.first { $0.offer.kind == .video })
        let ssrc = try #require(video.offer.ssrcs.first)
        var media = IncomingMedia(receiving: negotiated)
        #expect(media.age(at: Self.start) == nil)
        var ids = HeaderExtensionIDs()
        ids[.absoluteCaptureTime] = video.extensionID(ExtensionURI.absoluteCaptureTime)
        var extensions = HeaderExtensions()
        extensions.absoluteCaptureTime = .init(time: 100 << 32)
        let header = RTPHeader(
            hasMarker: true,
            payloadType: try #require(video.codec).payloadType,
            sequenceNumber: 1,
            timestamp: 1,
            ssrc: ssrc
        )
        let payload: [UInt8] = [0x65, 0x88]
        let block = try #require(HeaderExtensionBlock(extensions, ids: ids))
        let packet = header.packet(extensions: block, payload: payload.span)
        media.receiveRTP(packet.span, now: Self.start + 80 * Self.millisecond)
        #expect(media.age(at: Self.start) == nil)
        let report = SenderReport(
            ssrc: ssrc,
            ntpTime: 100 << 32,
            rtpTimestamp: 1,
            packetCount: 1,
            byteCount: 1
        )
        media.receiveRTCP(RTCPCompound.bytes(of: [.senderReport(report)]).span, now: Self.start)
        #expect(media.age(at: Self.start) == 0)
        #expect(media.age(at: Self.start + 1000 * Self.millisecond) == 10_000_000)
    }

    @Test func `nothing comes before a keyframe, which is asked for until it comes`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        for packet in try peer.picture(isKeyframe: false) { media.receiveRTP(packet.span, now: Self.start) }
        #expect(media.takeFrames().isEmpty)
        #expect(asksForKeyframe(feedback(of: &media, at: Self.start)))
        #expect(!asksForKeyframe(feedback(of: &media, at: Self.start + 400 * Self.millisecond)))
        #expect(asksForKeyframe(feedback(of: &media, at: Self.start + 500 * Self.millisecond)))
        let later = Self.start + 600 * Self.millisecond
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: later) }
        #expect(media.takeFrames().count == 1)
        let last = later + 1900 * Self.millisecond
        for packet in try peer.picture(isKeyframe: false) { media.receiveRTP(packet.span, now: last) }
        #expect(!asksForKeyframe(feedback(of: &media, at: last)))
        #expect(asksForKeyframe(feedback(of: &media, at: later + 2001 * Self.millisecond)))
    }

    @Test func `a lost packet is asked for, and its retransmission repairs the picture`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: Self.start) }
        let damaged = try peer.picture(isKeyframe: false)
        let lost = peer.sequence &- 2
        var now = Self.start + 33 * Self.millisecond
        for packet in damaged where packet != peer.sent[lost] { media.receiveRTP(packet.span, now: now) }
        for packet in try peer.picture(isKeyframe: false) { media.receiveRTP(packet.span, now: now) }
        #expect(media.takeFrames().count == 1)
        now += 12 * Self.millisecond
        #expect(requested(feedback(of: &media, at: now)) == [lost])
        let repair = try peer.retransmission(of: lost, number: 1)
        media.receiveRTP(repair.span, now: now + 10 * Self.millisecond)
        #expect(media.takeFrames().count == 2)
        #expect(media.lostCount == 0)
    }

    @Test(arguments: [30, 200] as [UInt64])
    func `a packet is asked for again after the round trip that the handshake took`(roundTrip: UInt64) throws
    {
        var peer = try SendingPeer()
        var media = peer.incoming
        media.use(roundTrip: roundTrip * Self.millisecond)
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: Self.start) }
        let lost = peer.sequence
        for packet in try peer.picture(isKeyframe: false).dropFirst() {
            media.receiveRTP(packet.span, now: Self.start)
        }
        let first = Self.start + 10 * Self.millisecond
        #expect(requested(feedback(of: &media, at: first)) == [lost])
        #expect(requested(feedback(of: &media, at: first + (roundTrip - 1) * Self.millisecond)).isEmpty)
        #expect(requested(feedback(of: &media, at: first + roundTrip * Self.millisecond)) == [lost])
    }

    @Test func `after a loss that is not repaired the picture stands still until a keyframe`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: Self.start) }
        for packet in try peer.picture(isKeyframe: false).dropLast() {
            media.receiveRTP(packet.span, now: Self.start + 33 * Self.millisecond)
        }
        for packet in try peer.picture(isKeyframe: false) {
            media.receiveRTP(packet.span, now: Self.start + 66 * Self.millisecond)
        }
        _ = media.takeFrames()
        let packets = feedback(of: &media, at: Self.start + 400 * Self.millisecond)
        #expect(media.takeFrames().isEmpty)
        #expect(media.lostCount == 1)
        let asked =
            asksForKeyframe(packets)
            || asksForKeyframe(feedback(of: &media, at: Self.start + 600 * Self.millisecond))
        #expect(asked)
        let later = Self.start + 700 * Self.millisecond
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: later) }
        #expect(media.takeFrames().map(isKeyframe) == [true])
    }

    @Test func `a reader's wish for a keyframe is passed on`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: Self.start) }
        #expect(!asksForKeyframe(feedback(of: &media, at: Self.start + Self.millisecond)))
        media.ask([.all])
        #expect(asksForKeyframe(feedback(of: &media, at: Self.start + 2 * Self.millisecond)))
    }

    @Test func `reception is reported each second, with an estimate of the bit rate`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        for packet in try peer.picture(isKeyframe: true) { media.receiveRTP(packet.span, now: Self.start) }
        let packets = feedback(of: &media, at: Self.start + Self.millisecond)
        guard
            case .receiverReport(let report)? = packets.first(where: {
                if case .receiverReport(let report) = $0 { return !report.reports.isEmpty }
                return false
            })
        else {
            Issue.record("no report")
            return
        }
        #expect(report.reports.map(\.ssrc) == [peer.videoSSRC])
        #expect(packets.contains { if case .bitrateEstimate = $0 { true } else { false } })
        let soon = feedback(of: &media, at: Self.start + 500 * Self.millisecond)
        #expect(!soon.contains { if case .bitrateEstimate = $0 { true } else { false } })
    }

    @Test func `no packet of a peer harms`() throws {
        var peer = try SendingPeer()
        var media = peer.incoming
        var generator = SystemRandomNumberGenerator()
        let good = try peer.picture(isKeyframe: true) + [peer.sound(timestamp: 0)]
        for round in 0..<2000 {
            var packet = good[round % good.count]
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                packet[Int.random(in: packet.indices, using: &generator)] = .random(
                    in: 0...255,
                    using: &generator
                )
            }
            packet.removeLast(Int.random(in: 0...packet.count, using: &generator))
            let now = Self.start + UInt64(round) * Self.millisecond
            media.receiveRTP(packet.span, now: now)
            media.receiveRTCP(packet.span, now: now)
            _ = media.takeFrames()
            _ = media.takeFeedback(now: now)
        }
    }

    @Test func `the estimate falls with losses, rises without, and keeps its bounds`() {
        func block(_ fraction: UInt8) -> ReportBlock {
            ReportBlock(
                ssrc: 1,
                fractionLost: fraction,
                cumulativeLost: 0,
                highestSequenceNumber: 0,
                jitter: 0,
                lastSenderReport: 0,
                delaySinceLastSenderReport: 0
            )
        }
        var estimate = ReceiverEstimate(maximum: 4_000_000)
        estimate.update(with: [block(60)])
        #expect(estimate.bitsPerSecond < ReceiverEstimate.first)
        for _ in 0..<100 { estimate.update(with: [block(255)]) }
        #expect(estimate.bitsPerSecond == ReceiverEstimate.minimum)
        for _ in 0..<100 { estimate.update(with: [block(0)]) }
        #expect(estimate.bitsPerSecond == 4_000_000)
        estimate.update(with: [block(15)])
        #expect(estimate.bitsPerSecond == 4_000_000)
    }
}
