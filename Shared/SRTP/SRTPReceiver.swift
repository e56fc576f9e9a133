public import Crypto

/// Checks and decrypts what one peer sends, in place (RFC 3711, RFC 7714).
public struct SRTPReceiver: ~Copyable {
    /// Why a packet was refused; nothing of it may be used.
    public enum Refusal: Sendable, Equatable {
        /// It is too short, or no packet at all.
        case malformed
        /// Its tag is wrong, or it is not encrypted.
        case forged
        /// It came before, or is too old to know.
        case replayed
        /// It is genuine, but there are too many streams.
        case tooManyStreams
    }

    /// What became of one packet.
    public enum Outcome: Sendable, Equatable {
        /// The packet is genuine; its plain form is the first `count` bytes.
        case accepted(count: Int)
        /// The packet must be dropped.
        case refused(Refusal)
    }

    /// The streams that one peer can have.
    public static let streamLimit = 64

    /// Below this the first number that is heard of a stream may stand behind a wrap.
    ///
    /// Numbers begin anywhere, and all before it may have been lost, which RFC 3711 §3.3.1 does not think of.
    private static let wrappedSequenceLimit: UInt16 = 0x8000

    private struct Stream {
        let ssrc: UInt32
        var index: PacketIndex
        var window = ReplayWindow()

        init(ssrc: UInt32, first: UInt64) {
            self.ssrc = ssrc
            index = PacketIndex(first: first)
            window.note(first)
        }

        mutating func note(_ index: UInt64) {
            self.index.note(index)
            window.note(index)
        }
    }

    private struct ControlStream {
        let ssrc: UInt32
        var window = ReplayWindow()
    }

    private let rtp: PacketProtection
    private let rtcp: PacketProtection
    private var streams: [Stream] = []
    private var controlStreams: [ControlStream] = []

    /// Creates a receiver for one direction's master key.
    public init(_ master: SRTPMasterKey, profile: SRTPProfile) {
        self.init(
            rtp: SessionKeys(master, purpose: .rtp),
            rtcp: SessionKeys(master, purpose: .rtcp),
            profile: profile
        )
    }

    package init(rtp: SessionKeys, rtcp: SessionKeys, profile: SRTPProfile) {
        self.rtp = PacketProtection(rtp, profile: profile)
        self.rtcp = PacketProtection(rtcp, profile: profile)
    }

    /// Checks an SRTP packet and decrypts it in place.
    public mutating func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) -> Outcome {
        let layout = unsafe PacketLayout(UnsafeRawBufferPointer(packet))
        guard let offset = layout.rtpPayloadOffset, offset + rtp.tagByteCount <= packet.count else {
            return .refused(.malformed)
        }
        guard let place = streams.firstIndex(where: { $0.ssrc == layout.ssrc }) else {
            return unsafe unprotectFirst(packet, layout, payloadOffset: offset)
        }
        guard let index = streams[place].index.index(of: layout.sequence), streams[place].window.admits(index)
        else { return .refused(.replayed) }
        // SAFETY: header and tag lie within the packet.
        guard unsafe rtp.openRTP(packet, payloadOffset: offset, ssrc: layout.ssrc, index: index) else {
            return .refused(.forged)
        }
        streams[place].note(index)
        return .accepted(count: packet.count - rtp.tagByteCount)
    }

    /// Checks the first packet that is heard of a stream, which is remembered only where it is genuine, so that
    /// forgeries cost no memory.
    private mutating func unprotectFirst(
        _ packet: UnsafeMutableRawBufferPointer,
        _ layout: borrowing PacketLayout,
        payloadOffset offset: Int
    ) -> Outcome {
        var index = UInt64(layout.sequence)
        let mayHaveWrapped = layout.sequence < Self.wrappedSequenceLimit
        // A packet that is not genuine is no more what it was.
        let original = mayHaveWrapped ? unsafe Array(packet) : []
        // SAFETY: header and tag lie within the packet.
        if unsafe !rtp.openRTP(packet, payloadOffset: offset, ssrc: layout.ssrc, index: index) {
            guard mayHaveWrapped else { return .refused(.forged) }
            unsafe packet.copyBytes(from: original)
            index += 1 << 16
            guard unsafe rtp.openRTP(packet, payloadOffset: offset, ssrc: layout.ssrc, index: index) else {
                return .refused(.forged)
            }
        }
        guard streams.count < Self.streamLimit else { return .refused(.tooManyStreams) }
        streams.append(Stream(ssrc: layout.ssrc, first: index))
        return .accepted(count: packet.count - rtp.tagByteCount)
    }

    /// Checks an SRTCP packet and decrypts it in place.
    public mutating func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Outcome {
        let overhead = rtcp.tagByteCount + PacketLayout.rtcpIndexByteCount
        let layout = unsafe PacketLayout(UnsafeRawBufferPointer(packet))
        guard layout.isRTCP, packet.count >= PacketLayout.rtcpHeaderByteCount + overhead else {
            return .refused(.malformed)
        }
        let ssrc = layout.senderSSRC
        // SAFETY: header, tag and index lie within the packet.
        let word = unsafe rtcp.indexWord(of: packet)
        // Encryption is part of both profiles, so a packet without it is not the peer's.
        guard word & PacketProtection.encryptedFlag != 0 else { return .refused(.forged) }
        let index = UInt64(word & ~PacketProtection.encryptedFlag)
        let place = controlStreams.firstIndex { $0.ssrc == ssrc }
        if let place, !controlStreams[place].window.admits(index) { return .refused(.replayed) }
        guard unsafe rtcp.openRTCP(packet, ssrc: ssrc, word: word) else { return .refused(.forged) }
        guard let place = place ?? newControlStream(ssrc) else { return .refused(.tooManyStreams) }
        controlStreams[place].window.note(index)
        return .accepted(count: packet.count - overhead)
    }

    private mutating func newControlStream(_ ssrc: UInt32) -> Int? {
        guard controlStreams.count < Self.streamLimit else { return nil }
        controlStreams.append(ControlStream(ssrc: ssrc))
        return controlStreams.count - 1
    }
}
