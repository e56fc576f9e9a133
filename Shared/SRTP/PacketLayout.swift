/// Where the parts of RTP and RTCP packets begin, read from memory that a peer has filled.
@safe struct PacketLayout {
    static let rtpHeaderByteCount = 12
    static let rtcpHeaderByteCount = 8
    /// The index with the encryption flag behind each SRTCP packet.
    static let rtcpIndexByteCount = 4

    // SAFETY: every load is behind a check of the count; the memory is borrowed for one call.
    private let bytes: UnsafeRawBufferPointer

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = unsafe bytes
    }

    /// The length of an RTP header with its contributing sources and extension, or `nil` for what is no RTP.
    @inline(__always)
    var rtpPayloadOffset: Int? {
        let count = unsafe bytes.count
        guard count >= Self.rtpHeaderByteCount else { return nil }
        let first = unsafe bytes[0]
        guard first >> 6 == 2 else { return nil }
        var offset = Self.rtpHeaderByteCount + 4 * Int(first & 15)
        if first & 0x10 != 0 {
            guard offset + 4 <= count else { return nil }
            offset += 4 + 4 * Int(word16(at: offset + 2))
        }
        return offset <= count ? offset : nil
    }

    /// Whether the memory begins like RTCP.
    var isRTCP: Bool {
        unsafe bytes.count >= Self.rtcpHeaderByteCount && bytes[0] >> 6 == 2
    }

    /// The sequence number of an RTP packet.
    @inline(__always)
    var sequence: UInt16 { word16(at: 2) }

    /// The SSRC of an RTP packet.
    @inline(__always)
    var ssrc: UInt32 { word32(at: 8) }

    /// The SSRC of who sends an RTCP packet.
    var senderSSRC: UInt32 { word32(at: 4) }

    /// Two bytes at an offset that has been checked.
    @inline(__always)
    func word16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Four bytes at an offset that has been checked.
    @inline(__always)
    func word32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    /// The part within `range`, which the caller has checked.
    @inline(__always)
    func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: self[range])
    }
}
