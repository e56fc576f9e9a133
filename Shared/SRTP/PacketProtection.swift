import Crypto

/// Protects and opens packets of one direction of SRTP or SRTCP; it knows no streams and no order.
struct PacketProtection: ~Copyable {
    /// The cipher of the profile.
    private enum Cipher: ~Copyable {
        case gcm(AES128GCM)
        case counter(CounterCipher)
    }

    /// Counter mode and the code over what it made.
    private struct CounterCipher: ~Copyable {
        let counter: AES128CTR
        let hmac: HMACSHA1Key
    }

    /// The part of HMAC-SHA-1 that travels.
    private static let codeByteCount = 10
    /// Set in the index word of every report whose body is encrypted.
    static let encryptedFlag: UInt32 = 0x8000_0000

    private let cipher: Cipher
    private let salt: PacketNonce.Salt
    private let scratch = PacketScratch()
    /// What a tag adds to a packet.
    let tagByteCount: Int

    init(_ keys: SessionKeys, profile: SRTPProfile) {
        salt = PacketNonce.Salt(keys.salt)
        switch profile {
        case .aes128GCM:
            cipher = .gcm(AES128GCM(key: keys.encryption))
            tagByteCount = AES128GCM.tagByteCount
        case .aes128CounterSHA1:
            cipher = .counter(
                CounterCipher(
                    counter: AES128CTR(key: keys.encryption),
                    hmac: HMACSHA1Key(key: keys.authentication)
                )
            )
            tagByteCount = Self.codeByteCount
        }
    }

    // MARK: RTP

    /// Encrypts what follows `offset` of the packet in `memory` and appends the tag, for which there is room.
    @inline(__always)
    borrowing func sealRTP(
        _ memory: UnsafeMutableRawBufferPointer,
        count: Int,
        payloadOffset offset: Int,
        ssrc: UInt32,
        index: UInt64
    ) -> Bool {
        // SAFETY: the caller has checked that header, payload and tag lie within the memory.
        let payload = unsafe memory.part(offset..<count)
        guard let tag = unsafe memory.part(count..<count + tagByteCount).baseAddress else { return false }
        switch cipher {
        case .gcm(let gcm):
            let header = unsafe UnsafeRawBufferPointer(memory.part(0..<offset))
            let block = PacketNonce.block(ssrc: ssrc, index: index, salt: salt)
            return unsafe withUnsafePointer(to: block) { block in
                let nonce = unsafe UnsafeRawPointer(block) + PacketNonce.gcmOffset
                return unsafe gcm.seal(payload, header: header, nonce: nonce, tag: tag)
            }
        case .counter(let cipher):
            scratch.setNonce(ssrc: ssrc, index: index, salt: salt)
            guard unsafe cipher.counter.apply(to: payload, counter: scratch.counter) else { return false }
            let sealed = unsafe UnsafeRawBufferPointer(memory.part(0..<count))
            unsafe writeCode(cipher.hmac, of: sealed, index: index)
            unsafe tag.copyMemory(from: scratch.code, byteCount: Self.codeByteCount)
            return true
        }
    }

    /// Checks the tag at the end of `packet` and decrypts what lies between it and `offset`.
    borrowing func openRTP(
        _ packet: UnsafeMutableRawBufferPointer,
        payloadOffset offset: Int,
        ssrc: UInt32,
        index: UInt64
    ) -> Bool {
        scratch.setNonce(ssrc: ssrc, index: index, salt: salt)
        let end = packet.count - tagByteCount
        // SAFETY: the caller has checked that header and tag lie within the packet.
        let payload = unsafe packet.part(offset..<end)
        guard let tag = unsafe packet.part(end..<packet.count).baseAddress else { return false }
        switch cipher {
        case .gcm(let gcm):
            let header = unsafe UnsafeRawBufferPointer(packet.part(0..<offset))
            return unsafe gcm.open(payload, header: header, nonce: scratch.nonce, tag: tag)
        case .counter(let cipher):
            unsafe writeCode(cipher.hmac, of: UnsafeRawBufferPointer(packet.part(0..<end)), index: index)
            guard unsafe isCode(tag) else { return false }
            return unsafe cipher.counter.apply(to: payload, counter: scratch.counter)
        }
    }

    // MARK: RTCP

    /// Encrypts the report in `memory` behind its header and appends tag and index word, for which there is room.
    ///
    /// - Returns: The new length, or `nil` where the cipher refuses.
    borrowing func sealRTCP(
        _ memory: UnsafeMutableRawBufferPointer,
        count: Int,
        ssrc: UInt32,
        index: UInt32
    ) -> Int? {
        scratch.setNonce(ssrc: ssrc, index: UInt64(index), salt: salt)
        let word = index | Self.encryptedFlag
        let end = count + tagByteCount + PacketLayout.rtcpIndexByteCount
        // SAFETY: the caller has checked that all parts lie within the memory.
        let body = unsafe memory.part(PacketLayout.rtcpHeaderByteCount..<count)
        switch cipher {
        case .gcm(let gcm):
            guard let tag = unsafe memory.part(count..<count + tagByteCount).baseAddress else { return nil }
            let header = unsafe scratch.additionalData(header: memory, word: word)
            unsafe memory.storeBytes(of: word.bigEndian, toByteOffset: count + tagByteCount, as: UInt32.self)
            return unsafe gcm.seal(body, header: header, nonce: scratch.nonce, tag: tag) ? end : nil
        case .counter(let cipher):
            guard unsafe cipher.counter.apply(to: body, counter: scratch.counter) else { return nil }
            unsafe memory.storeBytes(of: word.bigEndian, toByteOffset: count, as: UInt32.self)
            let sealed = unsafe memory.part(0..<count + PacketLayout.rtcpIndexByteCount)
            unsafe writeCode(cipher.hmac, of: UnsafeRawBufferPointer(sealed), index: nil)
            let tag = unsafe memory.part(end - tagByteCount..<end)
            unsafe tag.copyMemory(
                from: UnsafeRawBufferPointer(start: scratch.code, count: Self.codeByteCount)
            )
            return end
        }
    }

    /// The index word of a protected report that is long enough, wherever the profile puts it.
    borrowing func indexWord(of packet: UnsafeMutableRawBufferPointer) -> UInt32 {
        let end = packet.count - PacketLayout.rtcpIndexByteCount
        let layout = unsafe PacketLayout(UnsafeRawBufferPointer(packet))
        switch cipher {
        case .gcm: return layout.word32(at: end)
        case .counter: return layout.word32(at: end - tagByteCount)
        }
    }

    /// Checks the tag of a protected report that is long enough and decrypts its body.
    borrowing func openRTCP(_ packet: UnsafeMutableRawBufferPointer, ssrc: UInt32, word: UInt32) -> Bool {
        scratch.setNonce(ssrc: ssrc, index: UInt64(word & ~Self.encryptedFlag), salt: salt)
        let count = packet.count - tagByteCount - PacketLayout.rtcpIndexByteCount
        // SAFETY: the caller has checked that header, tag and index lie within the packet.
        let body = unsafe packet.part(PacketLayout.rtcpHeaderByteCount..<count)
        switch cipher {
        case .gcm(let gcm):
            guard let tag = unsafe packet.part(count..<count + tagByteCount).baseAddress else { return false }
            let header = unsafe scratch.additionalData(header: packet, word: word)
            return unsafe gcm.open(body, header: header, nonce: scratch.nonce, tag: tag)
        case .counter(let cipher):
            let end = packet.count - tagByteCount
            unsafe writeCode(cipher.hmac, of: UnsafeRawBufferPointer(packet.part(0..<end)), index: nil)
            guard let tag = unsafe packet.part(end..<packet.count).baseAddress else { return false }
            guard unsafe isCode(tag) else { return false }
            return unsafe cipher.counter.apply(to: body, counter: scratch.counter)
        }
    }

    // MARK: Codes

    /// Computes the code of a packet, followed by the rollover counter for RTP (RFC 3711 §4.2), in the scratch memory.
    @inline(__always)
    private borrowing func writeCode(
        _ hmac: borrowing HMACSHA1Key,
        of packet: UnsafeRawBufferPointer,
        index: UInt64?
    ) {
        let rollover = UInt32(truncatingIfNeeded: (index ?? 0) >> 16).bigEndian
        // SAFETY: the scratch memory has room for the code; it holds the counter until the code overwrites it.
        unsafe scratch.code.storeBytes(of: rollover, as: UInt32.self)
        let suffix = unsafe UnsafeRawBufferPointer(start: scratch.code, count: index == nil ? 0 : 4)
        unsafe hmac.write(to: scratch.code, of: packet, then: suffix)
    }

    /// Compares the code in the scratch memory with ten bytes, in a time that does not depend on them.
    private borrowing func isCode(_ tag: UnsafeMutableRawPointer) -> Bool {
        var difference: UInt8 = 0
        for offset in 0..<Self.codeByteCount {
            // SAFETY: both have ten bytes.
            unsafe difference |=
                tag.load(fromByteOffset: offset, as: UInt8.self)
                ^ scratch.code.load(fromByteOffset: offset, as: UInt8.self)
        }
        return difference == 0
    }
}
