/// Memory for what is computed per packet: the nonce, the code, and the additional data of a report.
@safe struct PacketScratch: ~Copyable {
    private static let codeOffset = 16
    private static let dataOffset = 48
    private static let byteCount = 64

    // SAFETY: owned by this struct, which is ~Copyable, and freed once.
    private let memory: UnsafeMutableRawPointer

    init() {
        unsafe memory = .allocate(byteCount: Self.byteCount, alignment: 16)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// The 16 bytes of a counter block.
    @inline(__always)
    var counter: UnsafeRawPointer { unsafe UnsafeRawPointer(memory) }

    /// The 12 bytes of a nonce for GCM.
    @inline(__always)
    var nonce: UnsafeRawPointer { unsafe UnsafeRawPointer(memory + PacketNonce.gcmOffset) }

    /// Where the 20 bytes of a code are written.
    @inline(__always)
    var code: UnsafeMutableRawPointer { unsafe memory + Self.codeOffset }

    @inline(__always)
    borrowing func setNonce(ssrc: UInt32, index: UInt64, salt: PacketNonce.Salt) {
        unsafe memory.storeBytes(
            of: PacketNonce.block(ssrc: ssrc, index: index, salt: salt),
            as: SIMD2<UInt64>.self
        )
    }

    /// The header of a report and its index word, one behind the other (RFC 7714 §9.2).
    borrowing func additionalData(
        header packet: UnsafeMutableRawBufferPointer,
        word: UInt32
    ) -> UnsafeRawBufferPointer {
        let data = unsafe memory + Self.dataOffset
        // SAFETY: a report has at least eight bytes, and twelve fit behind the offset.
        unsafe data.storeBytes(of: packet.loadUnaligned(as: UInt64.self), as: UInt64.self)
        unsafe data.storeBytes(of: word.bigEndian, toByteOffset: 8, as: UInt32.self)
        return unsafe UnsafeRawBufferPointer(start: data, count: 12)
    }
}
