public import Crypto

/// Protects what we send to one peer, in place (RFC 3711, RFC 7714).
///
/// A packet that is sent again with the same bytes becomes the same protected bytes. Nobody may protect two different
/// packets with one SSRC and sequence number.
public struct SRTPSender: ~Copyable {
    /// The most that protection adds to an RTP packet.
    public static let rtpOverheadByteLimit = 16
    /// The most that protection adds to an RTCP packet.
    public static let rtcpOverheadByteLimit = 20
    /// The streams that one sender can have; packets of further ones are refused.
    public static let streamLimit = 64

    private struct Stream {
        let ssrc: UInt32
        var index: PacketIndex
    }

    private let rtp: PacketProtection
    private let rtcp: PacketProtection
    /// The stream of the last packet, apart from the others: mostly it is that of the next one too.
    private var current: Stream?
    private var streams: [Stream] = []
    private var nextRTCPIndex: UInt32 = 0

    /// What protection adds to an RTP packet.
    public var rtpOverheadByteCount: Int { rtp.tagByteCount }

    /// Creates a sender for one direction's master key.
    public init(_ master: SRTPMasterKey, profile: SRTPProfile) {
        self.init(
            rtp: SessionKeys(master, purpose: .rtp),
            rtcp: SessionKeys(master, purpose: .rtcp),
            profile: profile
        )
    }

    package init(rtp: SessionKeys, rtcp: SessionKeys, profile: SRTPProfile, rtcpIndex: UInt32 = 0) {
        self.rtp = PacketProtection(rtp, profile: profile)
        self.rtcp = PacketProtection(rtcp, profile: profile)
        nextRTCPIndex = rtcpIndex
    }

    /// Protects the RTP packet in the first `count` bytes of `memory`.
    ///
    /// - Returns: The protected packet's length, or `nil` where the bytes are no RTP packet, the memory has no room
    ///   for the tag, or there are too many streams.
    @inline(__always)
    public mutating func protectRTP(_ memory: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        guard count >= 0, count <= memory.count - rtp.tagByteCount else { return nil }
        // SAFETY: the packet lies within the memory.
        let layout = unsafe PacketLayout(UnsafeRawBufferPointer(memory.part(0..<count)))
        guard let offset = layout.rtpPayloadOffset, let index = nextIndex(layout.ssrc, layout.sequence) else {
            return nil
        }
        let isSealed = unsafe rtp.sealRTP(
            memory,
            count: count,
            payloadOffset: offset,
            ssrc: layout.ssrc,
            index: index
        )
        return isSealed ? count + rtp.tagByteCount : nil
    }

    /// Protects the compound RTCP packet in the first `count` bytes of `memory`.
    ///
    /// - Returns: The protected packet's length, or `nil` where the bytes are no RTCP packet, the memory has no room,
    ///   or 2³¹ packets have been sent.
    public mutating func protectRTCP(_ memory: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        let overhead = rtcp.tagByteCount + PacketLayout.rtcpIndexByteCount
        guard count >= 0, count <= memory.count - overhead else { return nil }
        guard nextRTCPIndex < PacketProtection.encryptedFlag else { return nil }
        // SAFETY: the packet lies within the memory.
        let layout = unsafe PacketLayout(UnsafeRawBufferPointer(memory.part(0..<count)))
        guard layout.isRTCP else { return nil }
        defer { nextRTCPIndex += 1 }
        return unsafe rtcp.sealRTCP(memory, count: count, ssrc: layout.senderSSRC, index: nextRTCPIndex)
    }

    @inline(__always)
    private mutating func nextIndex(_ ssrc: UInt32, _ sequence: UInt16) -> UInt64? {
        if current?.ssrc != ssrc {
            guard change(to: ssrc, sequence) else { return nil }
        }
        guard let index = current?.index.index(of: sequence) else { return nil }
        current?.index.note(index)
        return index
    }

    /// Goes over to another stream, which may be a new one.
    private mutating func change(to ssrc: UInt32, _ sequence: UInt16) -> Bool {
        if let current, let place = streams.firstIndex(where: { $0.ssrc == ssrc }) {
            // They change places: with each run where sound follows pictures.
            self.current = streams[place]
            streams[place] = current
            return true
        }
        if let current {
            guard streams.count + 1 < Self.streamLimit else { return false }
            streams.append(current)
        }
        current = Stream(ssrc: ssrc, index: PacketIndex(first: UInt64(sequence)))
        return true
    }
}
