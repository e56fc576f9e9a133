import Crypto
import FuzzDriver
import SRTP

/// Opens any bytes as packets of both profiles, and wants back what it protects itself.
@main enum FuzzSRTPPackets {
    static func main() {
        FuzzDriver.run { input in
            let bytes = unsafe input.withUnsafeBufferPointer { unsafe Array($0) }
            for profile in SRTPProfile.allCases {
                let salt = [UInt8](repeating: 1, count: profile.saltByteCount)
                let master = SRTPMasterKey(key: [UInt8](repeating: 2, count: 16), salt: salt)
                var receiver = SRTPReceiver(master, profile: profile)
                var sender = SRTPSender(master, profile: profile)
                open(bytes, by: &receiver)
                protect(bytes, by: &sender, for: &receiver)
            }
        }
    }

    private static func open(_ bytes: [UInt8], by receiver: inout SRTPReceiver) {
        var packet = bytes
        unsafe packet.withUnsafeMutableBytes { _ = unsafe receiver.unprotectRTP($0) }
        packet = bytes
        unsafe packet.withUnsafeMutableBytes { _ = unsafe receiver.unprotectRTCP($0) }
    }

    private static func protect(
        _ bytes: [UInt8],
        by sender: inout SRTPSender,
        for receiver: inout SRTPReceiver
    ) {
        let room = [UInt8](repeating: 0, count: SRTPSender.rtcpOverheadByteLimit)
        var packet = bytes + room
        unsafe packet.withUnsafeMutableBytes { packet in
            guard let count = unsafe sender.protectRTP(packet, count: bytes.count) else { return }
            let outcome = unsafe receiver.unprotectRTP(.init(rebasing: packet[..<count]))
            precondition(outcome == .accepted(count: bytes.count))
            unsafe precondition(packet.prefix(bytes.count).elementsEqual(bytes))
        }
        packet = bytes + room
        unsafe packet.withUnsafeMutableBytes { packet in
            guard let count = unsafe sender.protectRTCP(packet, count: bytes.count) else { return }
            let outcome = unsafe receiver.unprotectRTCP(.init(rebasing: packet[..<count]))
            precondition(outcome == .accepted(count: bytes.count))
            unsafe precondition(packet.prefix(bytes.count).elementsEqual(bytes))
        }
    }
}
