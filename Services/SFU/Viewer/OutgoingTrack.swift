import RTP

/// One track as one viewer receives it: its own SSRC, numbers and times around shared payloads.
struct OutgoingTrack {
    /// The stream that carries what is sent again (RFC 4588).
    struct Retransmission {
        let ssrc: UInt32
        let payloadType: UInt8
        var nextSequence: UInt16
        fileprivate(set) var packetCount: UInt32 = 0

        init(ssrc: UInt32, payloadType: UInt8, nextSequence: UInt16) {
            self.ssrc = ssrc
            self.payloadType = payloadType
            self.nextSequence = nextSequence
        }
    }

    /// Bytes that the number of the lost packet takes in a retransmission.
    private static let originalNumberByteCount = 2
    let ssrc: UInt32
    let payloadType: UInt8
    /// Whether the last packet of a frame carries the marker: in Opus it would mean something else.
    let marksFrames: Bool
    let templates: ExtensionTemplates
    /// Added to the timestamps of the source.
    let timestampOffset: UInt32
    private(set) var retransmission: Retransmission?
    private(set) var nextSequence: UInt16
    private(set) var packetCount: UInt32 = 0
    private(set) var byteCount: UInt32 = 0
    /// The timestamp of the newest packet.
    private(set) var lastTimestamp: UInt32?
    /// What was sent, where it can be sent again.
    private var sent: SentPackets?

    /// Creates a track of which nothing has been sent.
    ///
    /// - Parameter memory: Packets that can be sent again: none, or a power of two.
    init(
        ssrc: UInt32,
        payloadType: UInt8,
        marksFrames: Bool,
        templates: ExtensionTemplates,
        retransmission: Retransmission?,
        firstSequence: UInt16,
        timestampOffset: UInt32,
        memory: Int
    ) {
        self.ssrc = ssrc
        self.payloadType = payloadType
        self.marksFrames = marksFrames
        self.templates = templates
        self.retransmission = retransmission
        nextSequence = firstSequence
        self.timestampOffset = timestampOffset
        sent = memory > 0 ? SentPackets(count: memory) : nil
    }

    /// Whether its packets carry numbers of the whole transport.
    var isNumbered: Bool { templates.plain?.transportSequenceNumberOffset != nil }

    /// Sends the next packet: payload `index` of `block`.
    ///
    /// - Parameters:
    ///   - hurry: Whether the picture is urgent, or the first that are not, or any other.
    ///   - number: The packet's number on the whole transport.
    ///   - now: When it is sent, in monotonic nanoseconds.
    /// - Returns: how many bytes it has.
    mutating func send(
        _ block: PacketBlock,
        _ index: Int,
        _ timestamp: UInt32,
        hurry: Bool?,
        _ number: UInt16,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Int {
        sent?.note(nextSequence, packet: block.firstPacket &+ UInt64(index))
        lastTimestamp = timestamp
        let header = header(of: block, index, nextSequence, timestamp)
        nextSequence &+= 1
        let payloadByteCount = block.payloads.range(index).count - block.paddingByteCount(index)
        packetCount &+= 1
        byteCount &+= UInt32(truncatingIfNeeded: payloadByteCount)
        return Self.send(header, extensions(of: block, index, hurry), number, now, nil, block, index, &sink)
    }

    /// What a packet that was sent under `sequence` carried, where that is known.
    func find(_ sequence: UInt16) -> UInt64? { sent?.find(sequence) }

    /// Forgets what was sent, since it is about to be sent anew with other times, or another layer begins.
    mutating func forgetSent() { sent?.removeAll() }

    /// Sends payload `index` of `block` again, which went out as `sequence`: in the stream for that where there is
    /// one, else byte for byte as it was.
    ///
    /// - Returns: how many bytes it has.
    mutating func resend(
        _ block: PacketBlock,
        _ index: Int,
        as sequence: UInt16,
        _ timestamp: UInt32,
        hurry: Bool?,
        _ number: UInt16,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Int {
        var header = header(of: block, index, sequence, timestamp)
        let extensions = extensions(of: block, index, hurry)
        guard let again = retransmission else {
            return Self.send(header, extensions, number, now, nil, block, index, &sink)
        }
        header.payloadType = again.payloadType
        header.ssrc = again.ssrc
        header.sequence = again.nextSequence
        header.hasPadding = false
        retransmission?.nextSequence &+= 1
        retransmission?.packetCount &+= 1
        return Self.send(header, extensions, number, now, sequence, block, index, &sink)
    }

    /// The last packet of a picture tells when it was captured, as it is seldom full: runs of full ones stay equal.
    private func extensions(of block: PacketBlock, _ index: Int, _ hurry: Bool?) -> HeaderExtensionBlock? {
        templates.block(hurry, isTimed: block.captureTime != nil && index == block.packetCount - 1)
    }

    private func header(
        of block: PacketBlock,
        _ index: Int,
        _ sequence: UInt16,
        _ timestamp: UInt32
    ) -> PacketHeader {
        PacketHeader(
            payloadType: payloadType,
            hasMarker: marksFrames && index == block.packetCount - 1,
            hasPadding: block.paddingByteCount(index) > 0,
            sequence: sequence,
            timestamp: timestamp,
            ssrc: ssrc
        )
    }

    private static func send(
        _ header: PacketHeader,
        _ extensions: HeaderExtensionBlock?,
        _ number: UInt16,
        _ now: UInt64,
        _ original: UInt16?,
        _ block: PacketBlock,
        _ index: Int,
        _ sink: inout some PacketSink
    ) -> Int {
        let headerByteCount = RTPHeader.byteCount(with: extensions)
        let originalByteCount = original == nil ? 0 : originalNumberByteCount
        let padding = header.hasPadding ? 0 : block.paddingByteCount(index)
        let payloadByteCount = block.payloads.range(index).count - padding
        let total = headerByteCount + originalByteCount + payloadByteCount
        unsafe sink.send(byteCount: total) { memory in
            // SAFETY: the memory has room for as many bytes as were asked for.
            unsafe header.write(to: memory, extensions, number, now, block.captureTime)
            if let original {
                unsafe memory.storeBytes(
                    of: original.bigEndian,
                    toByteOffset: headerByteCount,
                    as: UInt16.self
                )
            }
            let payload = unsafe memory + headerByteCount + originalByteCount
            unsafe block.copyPayload(index, count: payloadByteCount, to: payload)
        }
        return total
    }
}

/// The fixed fields of a packet, written straight to memory.
struct PacketHeader {
    var payloadType: UInt8
    var hasMarker: Bool
    var hasPadding: Bool
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32

    /// Writes the header and `extensions` with the number of the whole transport, the time now and that of capture.
    @unsafe func write(
        to memory: UnsafeMutableRawPointer,
        _ extensions: HeaderExtensionBlock?,
        _ number: UInt16,
        _ now: UInt64,
        _ captureTime: UInt64?
    ) {
        // SAFETY: the caller's memory has room for the header.
        let first: UInt8 = (extensions == nil ? 0x80 : 0x90) | (hasPadding ? 0x20 : 0)
        unsafe memory.storeBytes(of: first, as: UInt8.self)
        let second = payloadType & 0x7f | (hasMarker ? 0x80 : 0)
        unsafe memory.storeBytes(of: second, toByteOffset: 1, as: UInt8.self)
        unsafe memory.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        unsafe memory.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        unsafe memory.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        guard let extensions else { return }
        let bytes = extensions.bytes
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe (memory + RTPHeader.byteCount).copyMemory(from: base, byteCount: source.count)
        }
        if let offset = extensions.transportSequenceNumberOffset {
            unsafe memory.storeBytes(of: number.bigEndian, toByteOffset: offset, as: UInt16.self)
        }
        if let offset = extensions.absoluteSendTimeOffset {
            let time = PacketFields.absoluteSendTime(at: now)
            unsafe memory.storeBytes(
                of: UInt8(truncatingIfNeeded: time >> 16),
                toByteOffset: offset,
                as: UInt8.self
            )
            let rest = UInt16(truncatingIfNeeded: time).bigEndian
            unsafe memory.storeBytes(of: rest, toByteOffset: offset + 1, as: UInt16.self)
        }
        if let offset = extensions.absoluteCaptureTimeOffset, let captureTime {
            unsafe memory.storeBytes(of: captureTime.bigEndian, toByteOffset: offset, as: UInt64.self)
        }
    }
}

extension PacketBlock {
    /// Copies the first `count` bytes of a payload, which has no fewer.
    @unsafe func copyPayload(_ index: Int, count: Int, to memory: UnsafeMutableRawPointer) {
        let range = payloads.range(index)
        unsafe payloads.bytes.withUnsafeBytes { bytes in
            // SAFETY: the range lies within the bytes; the caller's memory has room for the payload.
            guard let base = bytes.baseAddress else { return }
            unsafe memory.copyMemory(from: base + range.lowerBound, byteCount: count)
        }
    }
}
