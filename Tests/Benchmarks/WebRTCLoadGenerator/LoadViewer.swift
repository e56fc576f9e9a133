import Crypto
import Foundation
import RTP
import Reactor
import SRTP

/// One viewer: counts what comes.
final class LoadViewer: LoadPeerUser {
    let peer: LoadPeer
    var counts = PacketCounts()

    private let isSampled: Bool
    private var receiver: SRTPReceiver?
    private var sender: SRTPSender?
    private var firstFrame: UInt64 = 0
    private var videoSSRC: UInt32?
    /// When the numbered packets came, where that is reported.
    private var arrivals: ArrivalRecorder?
    private(set) var feedbackCount = 0

    init(_ peer: LoadPeer, isSampled: Bool, isBrowser: Bool) {
        self.peer = peer
        self.isSampled = isSampled
        if isBrowser { arrivals = ArrivalRecorder() }
        peer.user = self
    }

    var firstFrameMilliseconds: Double? {
        firstFrame == 0 ? nil : Double(firstFrame - peer.requested) / 1e6
    }

    /// Keeps the consent and reports.
    func care() {
        peer.care()
        guard let videoSSRC, let reception = counts.reception(of: videoSSRC) else { return }
        let fraction = reception.expected == 0 ? 0 : min(255, reception.lost * 256 / reception.expected)
        let words: [UInt32] = [
            0x81c9_0007, 1, videoSSRC, UInt32(fraction) << 24 | UInt32(clamping: reception.lost) & 0xff_ffff,
            UInt32(truncatingIfNeeded: reception.highest), 0, 0, 0,
        ]
        sendReport(words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } })
    }

    /// Reports which packets have come, and when.
    func reportArrivals() {
        guard let videoSSRC else { return }
        while let feedback = arrivals?.makeFeedback(senderSSRC: 1, mediaSSRC: videoSSRC) {
            feedbackCount += 1
            sendReport(RTCPCompound.bytes(of: [.transportFeedback(feedback)]))
        }
    }

    private func sendReport(_ report: [UInt8]) {
        var packet = report + [UInt8](repeating: 0, count: SRTPSender.rtcpOverheadByteLimit)
        let count = unsafe packet.withUnsafeMutableBytes {
            unsafe sender?.protectRTCP($0, count: report.count)
        }
        if let count { peer.send(Array(packet.prefix(count))) }
    }

    func connected(_ keys: SRTPKeyingMaterial) {
        sender = SRTPSender(keys.local, profile: keys.profile)
        if isSampled { receiver = SRTPReceiver(keys.remote, profile: keys.profile) }
    }

    func take(_ packet: UnsafeMutableRawBufferPointer, isReport: Bool) {
        guard !isReport else { return }
        // SAFETY: the packet has at least the twelve bytes of a header.
        let sequence = unsafe UInt16(packet[2]) << 8 | UInt16(packet[3])
        let ssrc = (8..<12).reduce(UInt32(0)) { unsafe $0 << 8 | UInt32(packet[$1]) }
        counts.note(ssrc: ssrc, sequence: sequence, byteCount: packet.count)
        if arrivals != nil, let number = unsafe Self.number(of: UnsafeRawBufferPointer(packet)) {
            arrivals?.record(number, now: EventLoop.now)
        }
        if unsafe packet[1] & 127 == SessionText.videoType {
            videoSSRC = ssrc
            if firstFrame == 0, unsafe packet[1] & 128 != 0 { firstFrame = EventLoop.now }
        }
        guard isSampled else { return }
        if case .accepted? = unsafe receiver?.unprotectRTP(packet) {
            counts.decrypted += 1
            unsafe noteDelay(UnsafeRawBufferPointer(packet))
        } else {
            counts.refused += 1
        }
    }

    /// The number of a packet on its transport, from its one-byte header extensions (RFC 8285 §4.2).
    private static func number(of packet: UnsafeRawBufferPointer) -> UInt16? {
        func word(at offset: Int) -> Int { unsafe Int(packet[offset]) << 8 | Int(packet[offset + 1]) }
        // SAFETY: every read is behind a check of the count.
        let start = unsafe 12 + 4 * Int(packet[0] & 15)
        guard unsafe packet[0] & 0x10 != 0, start + 4 <= packet.count, word(at: start) == 0xbede else {
            return nil
        }
        var offset = start + 4
        let end = min(offset + 4 * word(at: start + 2), packet.count)
        while offset < end {
            let head = unsafe packet[offset]
            let count = head == 0 ? 0 : Int(head & 15) + 1
            if head >> 4 == SessionText.numberID, count == 2, offset + 2 < end {
                return UInt16(word(at: offset + 1))
            }
            offset += 1 + count
        }
        return nil
    }

    /// Looks for the time that the publisher has written into its pictures; see `ClockMark`.
    private func noteDelay(_ packet: UnsafeRawBufferPointer) {
        // SAFETY: every read is behind a check of the count.
        let front = unsafe packet.prefix(Self.markReach)
        let last = unsafe front.count - Self.markName.count - 16
        guard last >= 12 else { return }
        for start in 12...last where unsafe front[start] == Self.markName[0] {
            let name = unsafe front[start..<start + Self.markName.count]
            guard unsafe name.elementsEqual(Self.markName) else { continue }
            let digits = unsafe front[name.endIndex..<name.endIndex + 16]
            guard let sent = unsafe UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else { return }
            counts.forwardMilliseconds.append(Double(Int64(Self.microseconds) - Int64(clamping: sent)) / 1000)
            return
        }
    }

    private static let markName = Array("martlet-clock-v1".utf8)
    /// How far into a packet the mark is looked for.
    private static let markReach = 200

    private static var microseconds: UInt64 {
        var time = timespec()
        // SAFETY: the kernel writes a local variable.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }
}
