/// What makes the key stream of one packet its own: SSRC and index, mixed with the salt.
///
/// It is the first counter block of counter mode (RFC 3711 §4.1.1); the nonce of GCM (RFC 7714 §8.1, §9.1) is bytes
/// 2 to 13 of the same block.
enum PacketNonce {
    /// Where GCM's nonce begins in the block.
    static let gcmOffset = 2
    /// The length of the block.
    static let byteCount = 16

    /// The salt at its place in the block, in memory order.
    struct Salt {
        fileprivate var block: SIMD2<UInt64>

        init(_ salt: [UInt8]) {
            let isGCM = salt.count == 12
            var bytes = [UInt8](repeating: 0, count: isGCM ? PacketNonce.gcmOffset : 0) + salt
            bytes += [UInt8](repeating: 0, count: PacketNonce.byteCount - bytes.count)
            func word(_ range: Range<Int>) -> UInt64 {
                bytes[range].reduce(0) { $0 << 8 | UInt64($1) }
            }
            block = SIMD2(word(0..<8).bigEndian, word(8..<16).bigEndian)
        }
    }

    /// The block for 48 bits of an RTP index (rollover counter and sequence number) or 31 bits of an RTCP index.
    @inline(__always)
    static func block(ssrc: UInt32, index: UInt64, salt: Salt) -> SIMD2<UInt64> {
        SIMD2(UInt64(ssrc).bigEndian, (index << 16).bigEndian) ^ salt.block
    }
}
