public import Bytes

extension RTCPPacket {
    /// The most blocks, sources or descriptions that five bits can count; more are left out.
    public static let maximumItemCount = 31

    /// Appends the packet to `writer`; one that was not looked into is left out, since its body is gone.
    public func write(to writer: inout ByteWriter) {
        if case .other = self { return }
        let start = writer.count
        writer.writeZeros(4)
        let (type, format) = writeBody(to: &writer)
        writer.writeZeros((4 - (writer.count - start) % 4) % 4)
        let words = UInt16(truncatingIfNeeded: (writer.count - start) / 4 - 1)
        let head = UInt32(RTPHeader.version << 6 | format & 0x1f) << 24 | UInt32(type) << 16 | UInt32(words)
        writer.overwrite(at: start, with: head)
    }

    private func writeBody(to writer: inout ByteWriter) -> (type: UInt8, format: UInt8) {
        switch self {
        case .senderReport(let report): (RTCPType.senderReport, report.write(to: &writer))
        case .receiverReport(let report):
            (RTCPType.receiverReport, report.write(to: &writer))
        case .sourceDescription(let list):
            (RTCPType.sourceDescription, SourceDescription.write(list, to: &writer))
        case .goodbye(let sources): (RTCPType.goodbye, writer.write(sources: sources))
        case .negativeAcknowledgement(let request):
            (RTCPType.transportLayerFeedback, request.write(to: &writer))
        case .transportFeedback(let feedback):
            (RTCPType.transportLayerFeedback, feedback.write(to: &writer))
        case .pictureLossIndication(let wish): (RTCPType.payloadFeedback, wish.write(to: &writer))
        case .fullIntraRequest(let command): (RTCPType.payloadFeedback, command.write(to: &writer))
        case .bitrateEstimate(let estimate): (RTCPType.payloadFeedback, estimate.write(to: &writer))
        case .other(let type, let format): (type, format)
        }
    }
}

// Each `write` returns the five bits that the packet's first byte counts or names its format by.

extension ByteWriter {
    fileprivate mutating func write(sources: [UInt32]) -> UInt8 {
        let written = sources.prefix(RTCPPacket.maximumItemCount)
        for source in written { write(source) }
        return UInt8(written.count)
    }

    fileprivate mutating func write(reports: [ReportBlock]) -> UInt8 {
        let written = reports.prefix(RTCPPacket.maximumItemCount)
        for report in written { report.write(to: &self) }
        return UInt8(written.count)
    }
}

extension SenderReport {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        writer.write(ssrc)
        writer.write(ntpTime)
        writer.write(rtpTimestamp)
        writer.write(packetCount)
        writer.write(byteCount)
        return writer.write(reports: reports)
    }
}

extension ReceiverReport {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        writer.write(ssrc)
        return writer.write(reports: reports)
    }
}

extension ReportBlock {
    private static let lossLimits: ClosedRange<Int32> = -0x80_0000...0x7f_ffff

    fileprivate func write(to writer: inout ByteWriter) {
        writer.write(ssrc)
        writer.write(fractionLost)
        let lost = min(max(cumulativeLost, Self.lossLimits.lowerBound), Self.lossLimits.upperBound)
        writer.writeUInt24(UInt32(bitPattern: lost))
        writer.write(highestSequenceNumber)
        writer.write(jitter)
        writer.write(lastSenderReport)
        writer.write(delaySinceLastSenderReport)
    }
}

extension SourceDescription {
    fileprivate static func write(_ list: [SourceDescription], to writer: inout ByteWriter) -> UInt8 {
        let written = list.prefix(RTCPPacket.maximumItemCount)
        for description in written {
            writer.write(description.ssrc)
            if let name = description.canonicalName {
                let text = name.utf8.prefix(maximumNameByteCount)
                writer.write(contentsOf: [1, UInt8(text.count)])
                writer.write(contentsOf: text)
            }
            // At least one zero ends the items.
            writer.writeZeros(4 - writer.count % 4)
        }
        return UInt8(written.count)
    }
}

extension NegativeAcknowledgement {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        writer.write(senderSSRC)
        writer.write(mediaSSRC)
        var index = 0
        while index < sequenceNumbers.count {
            let first = sequenceNumbers[index]
            index += 1
            var more: UInt16 = 0
            var furthest: UInt16 = 0
            while index < sequenceNumbers.count {
                let distance = sequenceNumbers[index] &- first
                // In the order they came, so that reading gives the same back.
                guard distance <= 16, distance > furthest else { break }
                furthest = distance
                more |= 1 << (distance - 1)
                index += 1
            }
            writer.write(first)
            writer.write(more)
        }
        return RTCPType.nackFormat
    }
}

extension PictureLossIndication {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        writer.write(senderSSRC)
        writer.write(mediaSSRC)
        return RTCPType.pictureLossFormat
    }
}

extension FullIntraRequest {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        writer.write(senderSSRC)
        writer.writeZeros(4)
        for entry in entries {
            writer.write(entry.ssrc)
            writer.write(UInt32(entry.sequenceNumber) << 24)
        }
        return RTCPType.fullIntraFormat
    }
}

extension BitrateEstimate {
    fileprivate func write(to writer: inout ByteWriter) -> UInt8 {
        let written = ssrcs.prefix(255)
        let exponent = max(0, 46 - bitsPerSecond.leadingZeroBitCount)
        let mantissa = UInt32(truncatingIfNeeded: bitsPerSecond >> UInt64(exponent))
        writer.write(senderSSRC)
        writer.writeZeros(4)
        writer.write(Self.signature)
        writer.write(UInt8(written.count))
        writer.writeUInt24(UInt32(exponent) << 18 | mantissa)
        for source in written { writer.write(source) }
        return RTCPType.applicationFormat
    }
}
