import Crypto
import RTP
import Reactor
import SRTP

/// One publisher of the pictures of a clip, in real time.
final class LoadPublisher: LoadPeerUser {
    private static let headerByteCount = RTPHeader.byteCount + 12
    /// H.264's clock has 90 ticks in a millisecond.
    private static let ticksPerMillisecond: UInt32 = 90

    let peer: LoadPeer
    let ssrc: UInt32
    private(set) var packetCount = 0
    private(set) var byteCount = 0
    /// Packets that the hub asked for once more, which it does not get.
    private(set) var askedAgainCount = 0
    /// What the hub's newest report says is missing.
    private(set) var lostCount = 0
    /// The most that a picture was sent too late, in nanoseconds.
    private(set) var longestLag: UInt64 = 0

    private let clip: PacketClip
    private var sender: SRTPSender?
    private var receiver: SRTPReceiver?
    private var began: UInt64 = 0
    private var next = 0
    private var rounds: UInt32 = 0
    private var sequence: UInt16 = 0

    init(_ peer: LoadPeer, _ clip: PacketClip) {
        self.peer = peer
        self.clip = clip
        ssrc = UInt32(truncatingIfNeeded: peer.number + 1)
        peer.user = self
    }

    /// Forgets what was counted so far.
    func resetCounts() {
        (packetCount, byteCount, askedAgainCount, longestLag) = (0, 0, 0, 0)
    }

    func connected(_ keys: SRTPKeyingMaterial) {
        sender = SRTPSender(keys.local, profile: keys.profile)
        receiver = SRTPReceiver(keys.remote, profile: keys.profile)
        began = EventLoop.now
    }

    /// Sends the pictures that are due.
    func sendDue(at now: UInt64) {
        guard began != 0, now >= began else { return }
        while true {
            let picture = clip.pictures[next]
            let time = rounds &* clip.milliseconds &+ picture.milliseconds
            let due = began + UInt64(time) * 1_000_000
            guard due <= now else { return }
            longestLag = max(longestLag, now - due)
            send(picture, timestamp: time &* Self.ticksPerMillisecond)
            next += 1
            if next == clip.pictures.count { (next, rounds) = (0, rounds + 1) }
        }
    }

    private func send(_ picture: PacketClip.Picture, timestamp: UInt32) {
        for (place, payload) in picture.payloads.enumerated() {
            let isLast = place == picture.payloads.count - 1
            let count = Self.headerByteCount + payload.count
            let limit = count + SRTPSender.rtpOverheadByteLimit
            unsafe peer.write(byteLimit: limit) { memory in
                unsafe writeHeader(to: memory, timestamp: timestamp, isLast: isLast)
                // SAFETY: the room is as long as was asked for.
                unsafe memory[Self.headerByteCount..<count].copyBytes(from: payload)
                return unsafe sender?.protectRTP(memory, count: count)
            }
            sequence &+= 1
            packetCount += 1
            byteCount += count
        }
    }

    /// The header with the packet's number on its transport and the name of its section (RFC 8285 §4.2).
    private func writeHeader(to memory: UnsafeMutableRawBufferPointer, timestamp: UInt32, isLast: Bool) {
        let number = UInt32(sequence)
        let words: [UInt32] = [
            0x9000_0000 | (isLast ? 0x80_0000 : 0) | UInt32(SessionText.videoType) << 16 | number,
            timestamp, ssrc, 0xbede_0002,
            UInt32(SessionText.numberID << 4 | 1) << 24 | number << 8 | UInt32(SessionText.mediaNameID << 4),
            UInt32(UInt8(ascii: "0")) << 24,
        ]
        for (place, word) in words.enumerated() {
            unsafe memory.storeBytes(of: word.bigEndian, toByteOffset: 4 * place, as: UInt32.self)
        }
    }

    func take(_ packet: UnsafeMutableRawBufferPointer, isReport: Bool) {
        guard isReport, case .accepted(let count)? = unsafe receiver?.unprotectRTCP(packet) else { return }
        // SAFETY: the bytes live for the call, and the receiver has counted them.
        let bytes = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: packet.prefix(count)))
        for report in RTCPCompound(parsing: bytes).packets {
            switch report {
            case .negativeAcknowledgement(let asked): askedAgainCount += asked.sequenceNumbers.count
            case .receiverReport(let received):
                for block in received.reports where block.ssrc == ssrc {
                    lostCount = max(0, Int(block.cumulativeLost))
                }
            default: break
            }
        }
    }
}
