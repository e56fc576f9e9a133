import RTP
import TestSupport
import Testing

@Suite struct RTCPTests {
    private func read(_ bytes: [UInt8]) -> RTCPCompound { RTCPCompound(parsing: bytes.span) }

    private let block = ReportBlock(
        ssrc: 7,
        fractionLost: 64,
        cumulativeLost: -2,
        highestSequenceNumber: 0x1_0005,
        jitter: 90,
        lastSenderReport: 0x1234_5678,
        delaySinceLastSenderReport: 65_536
    )

    static let all: [RTCPPacket] = [
        .senderReport(
            SenderReport(ssrc: 1, ntpTime: 2 << 32, rtpTimestamp: 3, packetCount: 4, byteCount: 5)
        ),
        .receiverReport(ReceiverReport(ssrc: 1, reports: [])),
        .sourceDescription([
            SourceDescription(ssrc: 1, canonicalName: "a"), SourceDescription(ssrc: 2, canonicalName: "abcd"),
            SourceDescription(ssrc: 3, canonicalName: nil),
        ]),
        .goodbye([1, 2]),
        .negativeAcknowledgement(
            NegativeAcknowledgement(senderSSRC: 1, mediaSSRC: 2, sequenceNumbers: [65_535, 0, 15, 16, 100])
        ),
        .pictureLossIndication(PictureLossIndication(senderSSRC: 1, mediaSSRC: 2)),
        .fullIntraRequest(FullIntraRequest(senderSSRC: 1, entries: [.init(ssrc: 2, sequenceNumber: 9)])),
        .bitrateEstimate(BitrateEstimate(senderSSRC: 1, bitsPerSecond: 3_000_000, ssrcs: [2, 3])),
        .transportFeedback(
            TransportFeedback(
                senderSSRC: 1,
                mediaSSRC: 2,
                baseSequenceNumber: 65_530,
                referenceTime: -3,
                feedbackCount: 4,
                deltas: [0, 4, nil, -1, 300, nil, nil, 255]
            )
        ),
    ]

    @Test(arguments: RTCPTests.all)
    func `reads back what it writes`(packet: RTCPPacket) {
        let compound = read(RTCPCompound.bytes(of: [packet]))
        #expect(compound.failure == nil)
        #expect(compound.packets == [packet])
    }

    @Test func `reads back all of them in one datagram`() {
        let bytes = RTCPCompound.bytes(of: Self.all)
        #expect(bytes.count % 4 == 0)
        #expect(read(bytes).packets == Self.all)
    }

    @Test func `reads no more packets than any sender puts into a datagram`() {
        let wish = RTCPPacket.pictureLossIndication(PictureLossIndication(senderSSRC: 1, mediaSSRC: 2))
        let compound = read(RTCPCompound.bytes(of: Array(repeating: wish, count: 40)))
        #expect(compound.packets.count == RTCPCompound.packetLimit)
        #expect(compound.failure == .tooManyPackets)
    }

    @Test func `keeps the sign of the count of lost packets`() {
        let report = RTCPPacket.receiverReport(ReceiverReport(ssrc: 1, reports: [block, block]))
        #expect(read(RTCPCompound.bytes(of: [report])).packets == [report])
    }

    @Test func `reads what Chromium sends`() {
        // A receiver report and a REMB of 307,200 bit/s; a PLI; a NACK of 12 and 14.
        let bytes: [UInt8] = [
            0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
            0,
            0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0x52, 0x45, 0x4d, 0x42, 1, 0x06, 0x58, 0x00, 0, 0, 0, 2,
            0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,
            0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 12, 0, 2,
        ]
        let packets = read(bytes).packets
        #expect(packets.count == 4)
        #expect(packets[1] == .bitrateEstimate(.init(senderSSRC: 1, bitsPerSecond: 307_200, ssrcs: [2])))
        #expect(packets[2] == .pictureLossIndication(.init(senderSSRC: 1, mediaSSRC: 2)))
        #expect(
            packets[3]
                == .negativeAcknowledgement(.init(senderSSRC: 1, mediaSSRC: 2, sequenceNumbers: [12, 14]))
        )
    }

    @Test func `reads runs and vectors of transport feedback`() {
        // The layout of draft-holmer §3.1: a run of 3 missing, a one-bit vector, a two-bit vector.
        let bytes: [UInt8] = [
            0x8f, 205, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 24, 0, 0, 1, 7,
            0x00, 0x03, 0xa0, 0x00, 0xd2, 0x00,
            4, 8, 0xff, 0xfe, 0, 0,
        ]
        var expected = [Int16?](repeating: nil, count: 24)
        expected[3] = 4
        expected[17] = 8
        expected[19] = -2
        let feedback = TransportFeedback(
            senderSSRC: 1,
            mediaSSRC: 2,
            baseSequenceNumber: 10,
            referenceTime: 1,
            feedbackCount: 7,
            deltas: expected
        )
        #expect(read(bytes).packets == [.transportFeedback(feedback)])
        var arrivals: [UInt16: Int64] = [:]
        feedback.forEach { arrivals[$0] = $1 }
        #expect(arrivals == [13: 65_000_000, 27: 67_000_000, 29: 66_500_000])
    }

    @Test func `gives back transport feedback of any pattern`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<300 {
            let kinds = Int.random(in: 1...3, using: &generator)
            let deltas = (0..<Int.random(in: 1...200, using: &generator)).map { _ -> Int16? in
                switch Int.random(in: 0..<kinds * 3, using: &generator) {
                case 0: nil
                case 1..<5: Int16.random(in: 0...255, using: &generator)
                default: Int16.random(in: .min ... .max, using: &generator)
                }
            }
            let packet = RTCPPacket.transportFeedback(
                TransportFeedback(
                    senderSSRC: 1,
                    mediaSSRC: 2,
                    baseSequenceNumber: .random(in: 0 ... .max, using: &generator),
                    referenceTime: .random(in: -0x80_0000...0x7f_ffff, using: &generator),
                    feedbackCount: 1,
                    deltas: deltas
                )
            )
            #expect(read(RTCPCompound.bytes(of: [packet])).packets == [packet])
        }
    }

    @Test func `refuses feedback that speaks of too many packets or has a reserved status`() {
        let many: [UInt8] = [0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0xff, 0xff, 0, 0, 1, 7]
        #expect(read(many).failure == .invalidFeedback)
        let reserved: [UInt8] = [
            0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 1, 0, 0, 1, 7, 0x60, 1, 0, 0,
        ]
        #expect(read(reserved).failure == .invalidFeedback)
        let nothing: [UInt8] = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 1, 0, 0, 1, 7, 0, 0, 0, 0]
        #expect(read(nothing).failure == .invalidFeedback)
    }

    @Test func `reads no more feedback in one datagram than one may hold`() {
        // 4000 packets that did not come, in 24 bytes.
        let feedback: [UInt8] = [
            0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0x0f, 0xa0, 0, 0, 1, 7, 0x0f, 0xa0, 0, 0,
        ]
        #expect(read(feedback).failure == nil)
        let many = read(feedback + feedback + feedback)
        #expect(many.packets.count == 1 && many.failure == .tooMuchFeedback)
    }

    @Test func `keeps what came before a packet that is broken`() {
        let good = RTCPCompound.bytes(of: [.goodbye([1])])
        #expect(read(good + [0x80]).packets == [.goodbye([1])])
        #expect(read(good + [0x80]).failure == .truncated)
        #expect(read(good + [0x40, 200, 0, 0]).failure == .wrongVersion(1))
        #expect(read(good + [0x81, 203, 0, 5]).failure == .truncated)
        #expect(read([0x82, 203, 0, 1, 0, 0, 0, 1]).failure == .truncated)
        #expect(read([]).failure == .truncated)
    }

    @Test func `takes padding off the last packet`() {
        let padded: [UInt8] = [0xa1, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4]
        #expect(read(padded).packets == [.goodbye([1])])
        #expect(read([0xa1, 203, 0, 1, 0, 0, 0, 5]).failure == .invalidPadding(5))
        #expect(read([0xa0, 203, 0, 0]).failure == .invalidPadding(0))
    }

    @Test func `passes over kinds and applications that it does not know`() {
        let bytes: [UInt8] = [
            0x81, 207, 0, 1, 0, 0, 0, 1, 0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4,
        ]
        #expect(read(bytes).packets == [.other(type: 207, format: 1), .other(type: 206, format: 15)])
    }

    @Test func `holds a bitrate that no number can say`() {
        let bytes: [UInt8] = [
            0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0x52, 0x45, 0x4d, 0x42, 0, 0xff, 0xff, 0xff,
        ]
        #expect(
            read(bytes).packets == [.bitrateEstimate(.init(senderSSRC: 1, bitsPerSecond: .max, ssrcs: []))]
        )
    }

    @Test func `tells the round trip by a report block`() {
        // Sent at 16.5 s, held for one second, back at 17.75 s.
        var answer = block
        answer.lastSenderReport = UInt32(33) << 15
        #expect(answer.roundTrip(at: UInt64(71) << 30) == 250_000_000)
        #expect(answer.roundTrip(at: UInt64(16) << 32) == 0)
        answer.lastSenderReport = 0
        #expect(answer.roundTrip(at: UInt64(71) << 30) == nil)
    }
}
