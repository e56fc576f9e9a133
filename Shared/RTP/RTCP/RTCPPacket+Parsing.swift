import Bytes

extension RTCPPacket {
    /// Parses the body of a packet, which `type` and `format` describe.
    init(type: UInt8, format: UInt8, body: Span<UInt8>) throws(RTCPCompound.Failure) {
        do {
            var reader = ByteReader(body)
            self = try Self.read(type: type, format: format, &reader)
        } catch {
            throw error as? RTCPCompound.Failure ?? .truncated
        }
    }

    @_lifetime(reader: copy reader)
    private static func read(type: UInt8, format: UInt8, _ reader: inout ByteReader) throws -> RTCPPacket {
        switch (type, format) {
        case (RTCPType.senderReport, _):
            .senderReport(try SenderReport(&reader, blockCount: Int(format)))
        case (RTCPType.receiverReport, _):
            .receiverReport(try ReceiverReport(&reader, blockCount: Int(format)))
        case (RTCPType.sourceDescription, _):
            .sourceDescription(try SourceDescription.list(&reader, count: Int(format)))
        case (RTCPType.goodbye, _): .goodbye(try reader.sources(Int(format)))
        case (RTCPType.transportLayerFeedback, RTCPType.nackFormat):
            .negativeAcknowledgement(try NegativeAcknowledgement(&reader))
        case (RTCPType.transportLayerFeedback, RTCPType.transportFeedbackFormat):
            .transportFeedback(try TransportFeedback(&reader))
        case (RTCPType.payloadFeedback, RTCPType.pictureLossFormat):
            .pictureLossIndication(
                PictureLossIndication(senderSSRC: try reader.read(), mediaSSRC: try reader.read())
            )
        case (RTCPType.payloadFeedback, RTCPType.fullIntraFormat):
            .fullIntraRequest(try FullIntraRequest(&reader))
        case (RTCPType.payloadFeedback, RTCPType.applicationFormat):
            try BitrateEstimate(&reader).map { .bitrateEstimate($0) } ?? .other(type: type, format: format)
        default: .other(type: type, format: format)
        }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    fileprivate mutating func sources(_ count: Int) throws(Failure) -> [UInt32] {
        var sources: [UInt32] = []
        for _ in 0..<count { sources.append(try read()) }
        return sources
    }

    @_lifetime(self: copy self)
    fileprivate mutating func reportBlocks(_ count: Int) throws(Failure) -> [ReportBlock] {
        var blocks: [ReportBlock] = []
        for _ in 0..<count { blocks.append(try ReportBlock(&self)) }
        return blocks
    }
}

extension SenderReport {
    @_lifetime(reader: copy reader)
    fileprivate init(_ reader: inout ByteReader, blockCount: Int) throws(ByteReader.Failure) {
        ssrc = try reader.read()
        ntpTime = try reader.read()
        rtpTimestamp = try reader.read()
        packetCount = try reader.read()
        byteCount = try reader.read()
        reports = try reader.reportBlocks(blockCount)
    }
}

extension ReceiverReport {
    @_lifetime(reader: copy reader)
    fileprivate init(_ reader: inout ByteReader, blockCount: Int) throws(ByteReader.Failure) {
        ssrc = try reader.read()
        reports = try reader.reportBlocks(blockCount)
    }
}

extension ReportBlock {
    @_lifetime(reader: copy reader)
    fileprivate init(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        ssrc = try reader.read()
        fractionLost = try reader.read()
        // Moved up and down again, so that the sign fills the upper byte.
        cumulativeLost = Int32(bitPattern: try reader.readUInt24() << 8) >> 8
        highestSequenceNumber = try reader.read()
        jitter = try reader.read()
        lastSenderReport = try reader.read()
        delaySinceLastSenderReport = try reader.read()
    }
}

extension SourceDescription {
    private static let canonicalNameItem: UInt8 = 1

    @_lifetime(reader: copy reader)
    fileprivate static func list(
        _ reader: inout ByteReader,
        count: Int
    ) throws(ByteReader.Failure) -> [SourceDescription] {
        var list: [SourceDescription] = []
        for _ in 0..<count { list.append(try SourceDescription(&reader)) }
        return list
    }

    /// Reads the items of one source up to the zero that ends them, and on to the next word.
    @_lifetime(reader: copy reader)
    private init(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        ssrc = try reader.read()
        while true {
            let item: UInt8 = try reader.read()
            if item == 0 { break }
            let text = try reader.takeArray(Int(try reader.read(UInt8.self)))
            if item == Self.canonicalNameItem { canonicalName = String(decoding: text, as: UTF8.self) }
        }
        try reader.skip(min(reader.remaining, (4 - reader.offset % 4) % 4))
    }
}

extension NegativeAcknowledgement {
    @_lifetime(reader: copy reader)
    fileprivate init(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        senderSSRC = try reader.read()
        mediaSSRC = try reader.read()
        sequenceNumbers = []
        while !reader.isAtEnd {
            let first: UInt16 = try reader.read()
            let more: UInt16 = try reader.read()
            sequenceNumbers.append(first)
            for bit in 0..<16 as Range<UInt16> where more >> bit & 1 != 0 {
                sequenceNumbers.append(first &+ bit &+ 1)
            }
        }
    }
}

extension FullIntraRequest {
    @_lifetime(reader: copy reader)
    fileprivate init(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        senderSSRC = try reader.read()
        try reader.skip(4)
        entries = []
        while !reader.isAtEnd {
            entries.append(Entry(ssrc: try reader.read(), sequenceNumber: try reader.read()))
            try reader.skip(3)
        }
    }
}

extension BitrateEstimate {
    static let signature: UInt32 = 0x52_45_4d_42

    /// Reads application feedback, or returns `nil` where it is another application's.
    @_lifetime(reader: copy reader)
    fileprivate init?(_ reader: inout ByteReader) throws(ByteReader.Failure) {
        senderSSRC = try reader.read()
        try reader.skip(4)
        guard try reader.read(UInt32.self) == Self.signature else { return nil }
        let count = Int(try reader.read(UInt8.self))
        let bits = try reader.readUInt24()
        let mantissa = UInt64(bits & 0x3_ffff)
        let exponent = UInt64(bits >> 18)
        bitsPerSecond = exponent > mantissa.leadingZeroBitCount ? .max : mantissa << exponent
        ssrcs = try reader.sources(count)
    }
}
