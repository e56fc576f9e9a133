import RTP
import Testing

@Suite struct ReceiverTests {
    private let millisecond: UInt64 = 1_000_000

    private func receive(
        _ number: UInt16,
        at now: UInt64,
        isRetransmission: Bool = false,
        by receiver: inout PacketReceiver
    ) {
        let header = RTPHeader(
            payloadType: 96,
            sequenceNumber: number,
            timestamp: UInt32(number) * 90,
            ssrc: 1
        )
        let payload = [UInt8(truncatingIfNeeded: number)]
        receiver.receive(
            header,
            payload: payload.span,
            isRetransmission: isRetransmission,
            now: now * millisecond
        )
    }

    /// What is delivered now: numbers of packets, and counts of lost ones as negative numbers.
    private func deliveries(of receiver: inout PacketReceiver, at now: UInt64) -> [Int64] {
        var found: [Int64] = []
        while let delivery = receiver.next(now: now * millisecond) {
            switch delivery {
            case .packet(let packet): found.append(packet.sequence & 0xffff)
            case .lost(let count): found.append(-count)
            case .restarted: found.append(.max)
            }
        }
        return found
    }

    @Test func `delivers packets in order, across the wrap`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        for number: UInt16 in [65_534, 0, 65_535, 2, 1] { receive(number, at: 0, by: &receiver) }
        #expect(deliveries(of: &receiver, at: 0) == [65_534, 65_535, 0, 1, 2])
        #expect(receiver.deadline == nil)
    }

    @Test func `learns the round trip from retransmissions, and waits as long as that asks for`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        receive(1, at: 0, by: &receiver)
        receive(5, at: 0, by: &receiver)
        #expect(receiver.takeRequests(now: 10 * millisecond) == [2, 3, 4])
        receive(2, at: 90, isRetransmission: true, by: &receiver)
        #expect(receiver.roundTrip == 80 * millisecond)
        #expect(receiver.wait == 300 * millisecond)
        receive(3, at: 50, isRetransmission: true, by: &receiver)
        #expect(receiver.roundTrip == 70 * millisecond)
        #expect(receiver.takeRequests(now: 95 * millisecond) == [4])
        receive(4, at: 96, isRetransmission: true, by: &receiver)
        #expect(receiver.roundTrip == 70 * millisecond, "which of two requests it answers is not known")
    }

    @Test func `asks for a packet when three newer ones have come, and again after a round trip`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        receiver.roundTrip = 30 * millisecond
        receive(1, at: 0, by: &receiver)
        receive(3, at: 1, by: &receiver)
        #expect(receiver.takeRequests(now: 1 * millisecond).isEmpty)
        receive(4, at: 2, by: &receiver)
        receive(6, at: 3, by: &receiver)
        #expect(receiver.takeRequests(now: 3 * millisecond) == [2])
        #expect(receiver.takeRequests(now: 12 * millisecond).isEmpty)
        #expect(receiver.takeRequests(now: 13 * millisecond) == [5])
        #expect(receiver.takeRequests(now: 32 * millisecond).isEmpty)
        #expect(receiver.deadline == 33 * millisecond)
        #expect(receiver.takeRequests(now: 33 * millisecond) == [2])
    }

    @Test func `goes on when a retransmission fills the gap`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        for number: UInt16 in [1, 3] { receive(number, at: 0, by: &receiver) }
        #expect(deliveries(of: &receiver, at: 0) == [1])
        receive(2, at: 40, isRetransmission: true, by: &receiver)
        #expect(deliveries(of: &receiver, at: 40) == [2, 3])
        #expect(receiver.repairedCount == 1)
        #expect(receiver.statistics.lostCount == 1)
    }

    @Test func `gives a packet up when five requests could have been answered, 300 ms at most`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        receiver.roundTrip = 45 * millisecond
        #expect(receiver.wait == 235 * millisecond)
        receiver.roundTrip = .max
        #expect(receiver.wait == 300 * millisecond)
        receiver.roundTrip = 1
        #expect(receiver.wait == 110 * millisecond)
        for number: UInt16 in [1, 5] { receive(number, at: 0, by: &receiver) }
        receive(7, at: 30, by: &receiver)
        #expect(deliveries(of: &receiver, at: 109) == [1])
        #expect(deliveries(of: &receiver, at: 110) == [-3, 5])
        #expect(deliveries(of: &receiver, at: 140) == [-1, 7])
        #expect(receiver.lostCount == 4)
        receive(6, at: 141, by: &receiver)
        receive(7, at: 141, by: &receiver)
        #expect(deliveries(of: &receiver, at: 300).isEmpty)
        #expect(receiver.uselessCount == 2)
    }

    @Test func `asks for nothing where nobody answers`() {
        var settings = PacketReceiver.Settings()
        settings.isRepairable = false
        var receiver = PacketReceiver(clockRate: 48_000, settings: settings)
        for number: UInt16 in [1, 9] { receive(number, at: 0, by: &receiver) }
        #expect(receiver.takeRequests(now: 50 * millisecond).isEmpty)
        #expect(receiver.deadline == receiver.wait)
    }

    @Test func `begins anew when two packets follow each other far away`() {
        var receiver = PacketReceiver(clockRate: 90_000)
        receive(1, at: 0, by: &receiver)
        receive(20_000, at: 1, by: &receiver)
        receive(2, at: 2, by: &receiver)
        #expect(deliveries(of: &receiver, at: 2) == [1, 2])
        receive(20_001, at: 3, by: &receiver)
        receive(20_002, at: 4, by: &receiver)
        #expect(deliveries(of: &receiver, at: 4) == [.max, 20_002])
    }

    @Test func `reports loss, jitter and the last sender report`() {
        var statistics = ReceiveStatistics(clockRate: 90_000)
        for index: UInt64 in 0..<8 where index != 3 && index != 4 {
            // Every packet is 10 ms later than the timestamps say, each second one 2 ms more.
            let now = (index * 10 + index % 2 * 2) * millisecond
            statistics.receive(
                sequence: 0x1_0000 + Int64(index),
                timestamp: UInt32(index) * 900,
                byteCount: 100,
                now: now
            )
        }
        let report = SenderReport(ssrc: 1, ntpTime: 5 << 32, rtpTimestamp: 0, packetCount: 0, byteCount: 0)
        statistics.receive(report, now: 100 * millisecond)
        let block = statistics.makeReportBlock(ssrc: 1, now: 600 * millisecond)
        #expect(block.fractionLost == 64)
        #expect(block.cumulativeLost == 2)
        #expect(block.highestSequenceNumber == 7)
        #expect((20...60).contains(block.jitter))
        #expect(block.lastSenderReport == 5 << 16)
        #expect(block.delaySinceLastSenderReport == 32_768)
        #expect(statistics.makeReportBlock(ssrc: 1, now: 0).fractionLost == 0)
    }

    @Test func `unwraps what it has wrapped for retransmission`() throws {
        let header = RTPHeader(
            hasMarker: true,
            payloadType: 96,
            sequenceNumber: 65_535,
            timestamp: 7,
            ssrc: 1
        )
        let bytes = header.packet(payload: [1, 2, 3].span)
        let original = try RTPPacket(parsing: bytes.span)
        let wrapped = RetransmissionPayload.packet(
            of: original,
            in: bytes.span,
            header: RTPHeader(payloadType: 97, sequenceNumber: 5, timestamp: 0, ssrc: 2)
        )
        let packet = try RTPPacket(parsing: wrapped.span)
        #expect(packet.header.payloadType == 97)
        #expect(packet.header.ssrc == 2)
        let back = RetransmissionPayload.original(of: packet, in: wrapped.span, ssrc: 1, payloadType: 96)
        let found = try #require(back)
        #expect(found.header == header)
        #expect(Array(wrapped[found.payload]) == [1, 2, 3])
        let empty = header.packet(payload: [1].span)
        let padding = try RTPPacket(parsing: empty.span)
        let nothing = RetransmissionPayload.original(of: padding, in: empty.span, ssrc: 1, payloadType: 96)
        #expect(nothing == nil)
    }

    @Test func `lets one request for a keyframe through each interval until one comes`() {
        var requests = KeyframeRequests(interval: 500 * millisecond)
        let unwanted = requests.take(now: 0)
        requests.want()
        requests.want()
        let taken = [0, 499, 500, 900].map { requests.take(now: $0 * millisecond) }
        requests.satisfy()
        let later = requests.take(now: 2000 * millisecond)
        #expect(!unwanted && !later)
        #expect(taken == [true, false, true, false])
        requests.want()
        #expect(requests.deadline == 1000 * millisecond)
    }

    @Test func `tells when packets came, and what did not`() throws {
        var recorder = ArrivalRecorder()
        let start: UInt64 = 6_400_000_000
        recorder.record(65_534, now: start + 1_000_000)
        recorder.record(1, now: start + 3_000_000)
        recorder.record(0, now: start + 4_000_100)
        let made = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
        let feedback = try #require(made)
        #expect(feedback.baseSequenceNumber == 65_534)
        #expect(feedback.referenceTime == 100)
        #expect(feedback.deltas == [4, nil, 12, -4])
        let more = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
        #expect(more == nil)
        recorder.record(65_535, now: start + 5_000_000)
        recorder.record(2, now: start + 20_000_000_000)
        let late = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
        #expect(late?.deltas == [20, -4, -4])
        #expect(late?.feedbackCount == 1)
        let last = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
        #expect(last?.baseSequenceNumber == 2)
        #expect(!recorder.hasNews)
    }

    @Test func `begins again where the numbers jump`() {
        var recorder = ArrivalRecorder()
        recorder.record(0, now: 1)
        recorder.record(30_000, now: 2)
        let made = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2)
        #expect(made?.baseSequenceNumber == 30_000)
        #expect(made?.deltas == [0])
    }
}
