import RTP
import Testing

@testable import SFU

@Suite struct SendingTests {
    private var maker = BlockMaker()
    private var ring = PacketRing(byteLimit: 1 << 20)
    private var sink = CollectedPackets()

    private static func ids() -> HeaderExtensionIDs {
        var ids = HeaderExtensionIDs()
        ids[.mid] = 1
        ids[.transportSequenceNumber] = 3
        ids[.playoutDelay] = 5
        ids[.absoluteCaptureTime] = 7
        return ids
    }

    private func extensions(_ index: Int) -> HeaderExtensions? {
        let bytes = sink.packets[index]
        guard let packet = try? RTPPacket(parsing: bytes.span) else { return nil }
        return HeaderExtensions(of: packet, in: bytes.span, ids: Self.ids())
    }

    private func feedback(from first: UInt16, count: Int) -> TransportFeedback {
        TransportFeedback(
            senderSSRC: 1,
            mediaSSRC: 2,
            baseSequenceNumber: first,
            referenceTime: 1,
            feedbackCount: 0,
            deltas: [Int16?](repeating: 4, count: count)
        )
    }

    @Test mutating func `what the path carries is found out with retransmissions nobody has asked for`() {
        var media = ViewerMedia(video: .pictures(ids: Self.ids()), audio: nil, hasLayers: true)
        for index in 0..<10 { ring.append(maker.next(isKeyframe: index == 0, sizes: [1000])) }
        _ = media.pumpVideo(ring, at: 1_000_000_000, &sink)
        media.probe(for: 5_000_000, at: 1_000_000_000)
        #expect(!media.estimator.isProbing, "the viewer has not told anything yet")
        media.receive(feedback(from: 0, count: 10), at: 1_050_000_000)
        media.probe(for: 5_000_000, at: 1_050_000_000)
        #expect(media.estimator.isProbing)
        for step: UInt64 in 0..<20 { media.pumpProbe(ring, at: 1_050_000_000 + step * 5_000_000, &sink) }
        #expect(!media.estimator.isProbing)
        let padding = sink.headers.dropFirst(10)
        let byteCount = sink.packets.dropFirst(10).reduce(0) { $0 + $1.count }
        #expect(padding.allSatisfy { $0.ssrc == 0x2222_2222 && $0.payloadType == 97 })
        #expect((22_500...24_600).contains(byteCount), "4.5 Mbit/s for 40 ms")
        #expect(media.paddingCount == padding.count && media.resentCount == 0)
        let numbers = sink.packets.indices.compactMap { extensions($0)?.transportSequenceNumber }
        #expect(numbers == (0..<UInt16(sink.packets.count)).map { $0 })
    }

    @Test
    mutating func `who estimates by itself is told when each packet left, and again when it is sent again`() {
        var ids = HeaderExtensionIDs()
        ids[.absoluteSendTime] = 2
        let templates = ExtensionTemplates(ids: ids, isNumbered: false, isStamped: true)
        var media = ViewerMedia(video: .pictures(templates: templates), audio: nil)
        ring.append(maker.next(isKeyframe: true, sizes: [1000]))
        _ = media.pumpVideo(ring, at: 1_000_000_000, &sink)
        media.resendVideo(65_530, from: ring, at: 1_500_000_000, &sink)
        let times = sink.packets.compactMap { bytes -> UInt32? in
            guard let packet = try? RTPPacket(parsing: bytes.span) else { return nil }
            return HeaderExtensions(of: packet, in: bytes.span, ids: ids).absoluteSendTime
        }
        #expect(times == [1 << 18, 3 << 17])
    }

    @Test mutating func `every packet names its section, and some the time of capture`() {
        let templates = ExtensionTemplates(ids: Self.ids(), mid: "v0", isNumbered: true)
        var media = ViewerMedia(video: .pictures(templates: templates), audio: nil)
        ring.append(maker.next(isKeyframe: true))
        _ = media.pumpVideo(ring, at: 1, &sink)
        ring.append(maker.next(sizes: [500, 300], captureTime: 0x1234_5678_9abc_def0))
        ring.append(maker.next())
        _ = media.pumpVideo(ring, at: 1, &sink)
        #expect(sink.packets.indices.allSatisfy { extensions($0)?.mid == "v0" })
        let times = sink.packets.indices.map { extensions($0)?.absoluteCaptureTime?.time }
        #expect(times == [nil, nil, 0x1234_5678_9abc_def0, nil])
        let largest = sink.packets.map(\.count).enumerated().map { $1 - sink.payload($0).count }.max() ?? 0
        #expect(largest <= 36)
    }

    @Test func `a long tag is left out, as packets must not grow`() {
        let templates = ExtensionTemplates(ids: Self.ids(), mid: "pictures", isNumbered: true)
        #expect(templates.plain?.bytes.count == 8)
    }
}
