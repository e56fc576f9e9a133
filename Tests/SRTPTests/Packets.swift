import Crypto
import SRTP

/// Packets for the tests.
enum Packets {
    /// An RTP packet with a one-byte extension and 20 bytes of payload.
    static func extended(sequence: UInt16, timestamp: UInt32) -> [UInt8] {
        let extensions: [UInt8] = [0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]
        return [0x90, 96] + big(sequence) + big(timestamp) + [0xca, 0xfe, 0xba, 0xbe] + extensions
            + Array(0..<20)
    }

    /// An RTP packet without extensions.
    static func plain(sequence: UInt16, ssrc: UInt32 = 7, payload: [UInt8] = [1, 2, 3]) -> [UInt8] {
        [0x80, 96] + big(sequence) + [0, 0, 0, 1] + big(ssrc) + payload
    }

    /// A receiver report without blocks.
    static func report(ssrc: UInt32 = 7) -> [UInt8] { [0x80, 201, 0, 1] + big(ssrc) }

    private static func big(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// What became of a packet, with its bytes.
enum Opened: Equatable {
    case plain([UInt8])
    case refused(SRTPReceiver.Refusal)
}

/// A sender that takes and gives arrays.
final class Sender {
    private var sender: SRTPSender

    init(_ master: SRTPMasterKey, profile: SRTPProfile) {
        sender = SRTPSender(master, profile: profile)
    }

    init(rtp: SessionKeys, rtcp: SessionKeys, profile: SRTPProfile, rtcpIndex: UInt32) {
        sender = SRTPSender(rtp: rtp, rtcp: rtcp, profile: profile, rtcpIndex: rtcpIndex)
    }

    func protect(_ packet: [UInt8], room: Int = SRTPSender.rtpOverheadByteLimit) -> [UInt8] {
        var memory = packet + [UInt8](repeating: 0, count: room)
        let count = unsafe memory.withUnsafeMutableBytes { unsafe sender.protectRTP($0, count: packet.count) }
        return Array(memory.prefix(count ?? 0))
    }

    func protectReport(_ packet: [UInt8]) -> [UInt8] {
        var memory = packet + [UInt8](repeating: 0, count: SRTPSender.rtcpOverheadByteLimit)
        let count = unsafe memory.withUnsafeMutableBytes {
            unsafe sender.protectRTCP($0, count: packet.count)
        }
        return Array(memory.prefix(count ?? 0))
    }
}

/// A receiver that takes and gives arrays.
final class Receiver {
    private var receiver: SRTPReceiver

    init(_ master: SRTPMasterKey, profile: SRTPProfile) {
        receiver = SRTPReceiver(master, profile: profile)
    }

    init(rtp: SessionKeys, rtcp: SessionKeys, profile: SRTPProfile) {
        receiver = SRTPReceiver(rtp: rtp, rtcp: rtcp, profile: profile)
    }

    func unprotect(_ packet: [UInt8]) -> Opened {
        var memory = packet
        let outcome = unsafe memory.withUnsafeMutableBytes { unsafe receiver.unprotectRTP($0) }
        return opened(memory, outcome)
    }

    func unprotectReport(_ packet: [UInt8]) -> Opened {
        var memory = packet
        let outcome = unsafe memory.withUnsafeMutableBytes { unsafe receiver.unprotectRTCP($0) }
        return opened(memory, outcome)
    }

    private func opened(_ memory: [UInt8], _ outcome: SRTPReceiver.Outcome) -> Opened {
        switch outcome {
        case .accepted(let count): .plain(Array(memory.prefix(count)))
        case .refused(let refusal): .refused(refusal)
        }
    }
}
