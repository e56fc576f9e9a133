import Crypto
import SRTP
import Testing

@Suite struct SRTPSessionTests {
    private static func master(_ profile: SRTPProfile) -> SRTPMasterKey {
        SRTPMasterKey(key: Array(0..<16), salt: [UInt8](repeating: 9, count: profile.saltByteCount))
    }

    @Test(arguments: SRTPProfile.allCases)
    func `a packet is taken once, and forgeries never`(profile: SRTPProfile) {
        let sender = Sender(Self.master(profile), profile: profile)
        let receiver = Receiver(Self.master(profile), profile: profile)
        let packet = Packets.plain(sequence: 5)
        let protected = sender.protect(packet)
        for place in protected.indices {
            var forged = protected
            forged[place] ^= 0x40
            #expect(receiver.unprotect(forged) != .plain(packet))
        }
        #expect(receiver.unprotect(protected) == .plain(packet))
        #expect(receiver.unprotect(protected) == .refused(.replayed))
    }

    @Test(arguments: SRTPProfile.allCases)
    func `a report is taken once, and forgeries never`(profile: SRTPProfile) {
        let sender = Sender(Self.master(profile), profile: profile)
        let receiver = Receiver(Self.master(profile), profile: profile)
        let report = Packets.report()
        let protected = sender.protectReport(report)
        for place in protected.indices {
            var forged = protected
            forged[place] ^= 0x40
            #expect(receiver.unprotectReport(forged) != .plain(report))
        }
        #expect(receiver.unprotectReport(protected) == .plain(report))
        #expect(receiver.unprotectReport(protected) == .refused(.replayed))
        #expect(receiver.unprotectReport(sender.protectReport(report)) == .plain(report))
    }

    @Test(arguments: SRTPProfile.allCases)
    func `a packet sent again has the same bytes, also from before a wrap`(profile: SRTPProfile) {
        let sender = Sender(Self.master(profile), profile: profile)
        let old = (65_500...65_535).map { sender.protect(Packets.plain(sequence: $0)) }
        for sequence in UInt16(0)...300 { _ = sender.protect(Packets.plain(sequence: sequence)) }
        #expect((65_500...65_535).map { sender.protect(Packets.plain(sequence: $0)) } == old)
    }

    @Test(arguments: SRTPProfile.allCases)
    func `the rollover is counted though packets around it are lost or late`(profile: SRTPProfile) {
        let sender = Sender(Self.master(profile), profile: profile)
        let receiver = Receiver(Self.master(profile), profile: profile)
        var late: [(plain: [UInt8], protected: [UInt8])] = []
        for index in stride(from: 60_000, to: 60_000 + 5 * 65_536, by: 7) {
            let packet = Packets.plain(sequence: UInt16(truncatingIfNeeded: index))
            let protected = sender.protect(packet)
            guard index % 5 != 0 else { continue }
            if index % 11 == 0 {
                late.append((packet, protected))
            } else {
                #expect(receiver.unprotect(protected) == .plain(packet))
            }
            if late.count == 10 {
                for packet in late.reversed() {
                    #expect(receiver.unprotect(packet.protected) == .plain(packet.plain))
                }
                late = []
            }
        }
    }

    @Test(arguments: SRTPProfile.allCases, [UInt16(0), 1, 700, 32_000])
    func `a stream whose packets before a wrap were all lost is understood`(
        profile: SRTPProfile,
        first: UInt16
    ) {
        let sender = Sender(Self.master(profile), profile: profile)
        let receiver = Receiver(Self.master(profile), profile: profile)
        let before = (65_500...65_535).map {
            (Packets.plain(sequence: $0), sender.protect(Packets.plain(sequence: $0)))
        }
        for sequence in 0..<first { _ = sender.protect(Packets.plain(sequence: sequence)) }
        for sequence in first..<first + 100 {
            let packet = Packets.plain(sequence: sequence)
            let protected = sender.protect(packet)
            var forged = protected
            forged[13] ^= 1
            #expect(receiver.unprotect(forged) == .refused(.forged))
            #expect(receiver.unprotect(protected) == .plain(packet))
            #expect(receiver.unprotect(protected) == .refused(.replayed))
        }
        guard first < 700 else { return }
        for (packet, protected) in before { #expect(receiver.unprotect(protected) == .plain(packet)) }
    }

    @Test func `what is older than the window is refused`() {
        let sender = Sender(Self.master(.aes128GCM), profile: .aes128GCM)
        let receiver = Receiver(Self.master(.aes128GCM), profile: .aes128GCM)
        let old = sender.protect(Packets.plain(sequence: 100))
        let edge = sender.protect(Packets.plain(sequence: 101))
        _ = receiver.unprotect(sender.protect(Packets.plain(sequence: 1124)))
        #expect(receiver.unprotect(old) == .refused(.replayed))
        #expect(receiver.unprotect(edge) == .plain(Packets.plain(sequence: 101)))
    }

    @Test func `streams are bounded on both sides`() {
        let sender = Sender(Self.master(.aes128GCM), profile: .aes128GCM)
        let receiver = Receiver(Self.master(.aes128GCM), profile: .aes128GCM)
        for ssrc in 0..<UInt32(SRTPSender.streamLimit) {
            let packet = Packets.plain(sequence: 1, ssrc: ssrc)
            #expect(receiver.unprotect(sender.protect(packet)) == .plain(packet))
        }
        #expect(sender.protect(Packets.plain(sequence: 1, ssrc: 1000)).isEmpty)
        let other = Sender(Self.master(.aes128GCM), profile: .aes128GCM)
        let packet = other.protect(Packets.plain(sequence: 1, ssrc: 1000))
        #expect(receiver.unprotect(packet) == .refused(.tooManyStreams))
    }

    @Test(arguments: SRTPProfile.allCases)
    func `what is no packet is refused whatever its length`(profile: SRTPProfile) {
        let receiver = Receiver(Self.master(profile), profile: profile)
        let sender = Sender(Self.master(profile), profile: profile)
        for count in 0..<80 {
            for first: UInt8 in [0, 0x80, 0x8f, 0x90, 0x9f, 0xff] {
                let bytes = [first] + [UInt8](repeating: 0xff, count: count)
                if case .plain = receiver.unprotect(bytes) { Issue.record("accepted \(bytes)") }
                if case .plain = receiver.unprotectReport(bytes) { Issue.record("accepted \(bytes)") }
                _ = sender.protect(bytes)
                _ = sender.protectReport(bytes)
            }
        }
        #expect(receiver.unprotect([]) == .refused(.malformed))
        #expect(receiver.unprotectReport([]) == .refused(.malformed))
    }

    @Test func `a packet without room for its tag is not protected`() {
        let sender = Sender(Self.master(.aes128GCM), profile: .aes128GCM)
        #expect(sender.protect(Packets.plain(sequence: 1), room: 15).isEmpty)
    }
}
