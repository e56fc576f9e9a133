import FuzzDriver
import Media
import RTP

/// Lets packets with any numbers and times come at any time, and looks at what is delivered.
@main enum FuzzRTPReceiver {
    private struct Session {
        var receiver: PacketReceiver = {
            var settings = PacketReceiver.Settings()
            settings.capacity = 64
            return PacketReceiver(clockRate: 90_000, settings: settings)
        }()
        var assembler = AccessUnitAssembler(.vp8)
        var recorder = ArrivalRecorder()
        var clock = MediaClock(clockRate: 90_000)
        var publisher = PublisherClock()
        var now: UInt64 = 1_000_000_000
        var expected: Int64?

        /// Obeys eight bytes: what to do, two of number, one of time, two of timestamp, two of payload.
        mutating func obey(_ step: Span<UInt8>) {
            now += UInt64(step[3]) * 1_000_000
            let header = RTPHeader(
                hasMarker: step[0] & 0x10 != 0,
                payloadType: 96,
                sequenceNumber: UInt16(step[1]) << 8 | UInt16(step[2]),
                timestamp: UInt32(step[4]) << 24 | UInt32(step[5]) << 8,
                ssrc: 1
            )
            switch step[0] & 7 {
            case 0: receiver.roundTrip = UInt64(step[1]) << 56 | UInt64(step[2]) << 20
            case 1: synchronise(header)
            case 2: _ = receiver.makeReportBlock(ssrc: 1, now: now)
            default: receive(header, step)
            }
            _ = receiver.takeRequests(now: now)
            _ = receiver.deadline
            deliver()
        }

        private mutating func receive(_ header: RTPHeader, _ step: Span<UInt8>) {
            recorder.record(header.sequenceNumber, now: now)
            let payload = step.extracting(6..<8)
            receiver.receive(header, payload: payload, isRetransmission: step[0] & 0x20 != 0, now: now)
            if step[0] & 0x40 != 0 {
                while let feedback = recorder.makeFeedback(senderSSRC: 1, mediaSSRC: 2) {
                    precondition(feedback.deltas.count <= ArrivalRecorder.maximumPacketCount)
                }
            }
        }

        private mutating func synchronise(_ header: RTPHeader) {
            let report = SenderReport(
                ssrc: 1,
                ntpTime: UInt64(header.timestamp) << 32,
                rtpTimestamp: header.timestamp,
                packetCount: 0,
                byteCount: 0
            )
            receiver.receive(report, now: now)
            clock.synchronise(with: report, &publisher, arrival: now)
        }

        private mutating func deliver() {
            while let delivery = receiver.next(now: now) {
                switch delivery {
                case .packet(let packet):
                    precondition(expected == nil || packet.sequence == expected)
                    expected = packet.sequence + 1
                case .lost(let count):
                    precondition(count > 0)
                    expected? += count
                case .restarted: expected = nil
                }
                assembler?.add(delivery)
            }
            while let unit = assembler?.next() {
                _ = clock.time(of: UInt32(truncatingIfNeeded: unit.timestamp), arrival: unit.arrival)
            }
        }
    }

    static func main() {
        FuzzDriver.run { bytes in
            var session = Session()
            for start in stride(from: 0, to: bytes.count - 7, by: 8) {
                session.obey(bytes.extracting(start..<start + 8))
            }
        }
    }
}
