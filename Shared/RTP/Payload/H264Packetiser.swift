public import Codecs

/// Cuts H.264 access units into RTP payloads of packetization mode 1 (RFC 6184 §5): single NAL units, several small
/// ones together (STAP-A), and large ones in fragments (FU-A).
public struct H264Packetiser: Sendable {
    /// The smallest payload size that is obeyed.
    public static let minimumPayloadByteCount = 64

    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int

    private var parameterSets = PayloadRun()
    private var pending = Aggregate()

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        self.maximumPayloadByteCount = max(Self.minimumPayloadByteCount, maximumPayloadByteCount)
    }

    /// Takes over the parameter sets that go before every IDR picture from now on.
    public mutating func use(_ configuration: H264Configuration) {
        parameterSets.removeAll()
        var together = Aggregate()
        for unit in configuration.sequenceParameterSets + configuration.pictureParameterSets
        where !unit.isEmpty {
            together.add(unit.span, limit: maximumPayloadByteCount, to: &parameterSets)
        }
        together.flush(to: &parameterSets)
    }

    /// Appends the payloads of one access unit to `run`; the marker belongs on the last.
    ///
    /// Delimiters and filler are left out. Parameter sets go before an IDR picture that does not bring its own.
    /// - Parameter accessUnit: NAL units behind lengths of four bytes.
    public mutating func packetise(
        _ accessUnit: Span<UInt8>,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        let contents = try Contents(of: accessUnit)
        if contents.hasIDR, !contents.hasParameterSets { run.append(parameterSets) }
        var pending = self.pending
        let limit = maximumPayloadByteCount
        do throws(CodecFailure) {
            try NALUnits.forEach(lengthPrefixed: accessUnit, lengthSize: 4) { unit in
                if Self.isSent(unit[0]) { pending.add(unit, limit: limit, to: &run) }
            }
        } catch {
            throw .malformed
        }
        pending.flush(to: &run)
        self.pending = pending
    }

    private static func isSent(_ header: UInt8) -> Bool {
        switch H264NALUnitType(header: header) {
        case .accessUnitDelimiter, .fillerData, .endOfSequence, .endOfStream: false
        default: true
        }
    }

    /// What one pass over an access unit found.
    private struct Contents {
        var hasIDR = false
        var hasParameterSets = false

        init(of accessUnit: Span<UInt8>) throws(PayloadFailure) {
            var hasIDR = false
            var hasParameterSets = false
            do throws(CodecFailure) {
                try NALUnits.forEach(lengthPrefixed: accessUnit, lengthSize: 4) { unit in
                    switch H264NALUnitType(header: unit[0]) {
                    case .idrSlice: hasIDR = true
                    case .sequenceParameterSet: hasParameterSets = true
                    default: break
                    }
                }
            } catch {
                throw .malformed
            }
            self.hasIDR = hasIDR
            self.hasParameterSets = hasParameterSets
        }
    }
}

extension H264Packetiser {
    /// NAL units that wait for others to share a packet with.
    private struct Aggregate {
        /// The units, each behind its length in two bytes, as STAP-A has them.
        private var bytes: [UInt8] = []
        private var count = 0
        private var highestReference: UInt8 = 0
        private var forbiddenBit: UInt8 = 0

        /// Takes `unit` in, or writes what waits and then `unit` where they do not fit together.
        mutating func add(_ unit: Span<UInt8>, limit: Int, to run: inout PayloadRun) {
            if 1 + bytes.count + 2 + unit.count > limit { flush(to: &run) }
            if 1 + 2 + unit.count > limit {
                Self.write(unit, limit: limit, to: &run)
            } else {
                hold(unit)
            }
        }

        private mutating func hold(_ unit: Span<UInt8>) {
            bytes.append(UInt8(truncatingIfNeeded: unit.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: unit.count))
            unsafe unit.withUnsafeBufferPointer { buffer in
                // SAFETY: the buffer is read only inside the closure.
                unsafe bytes.append(contentsOf: buffer)
            }
            count += 1
            highestReference = max(highestReference, unit[0] & 0x60)
            forbiddenBit |= unit[0] & 0x80
        }

        mutating func flush(to run: inout PayloadRun) {
            guard count > 0 else { return }
            if count == 1 {
                run.append(bytes.span.extracting(droppingFirst: 2))
            } else {
                run.add(forbiddenBit | highestReference | H264PayloadType.stapA)
                run.add(bytes.span)
                run.endPayload()
            }
            bytes.removeAll(keepingCapacity: true)
            count = 0
            highestReference = 0
            forbiddenBit = 0
        }

        /// Writes a unit that shares its packets with nothing.
        private static func write(_ unit: Span<UInt8>, limit: Int, to run: inout PayloadRun) {
            guard unit.count > limit else { return run.append(unit) }
            let indicator = unit[0] & 0xe0 | H264PayloadType.fuA
            let sizes = FragmentSizes(byteCount: unit.count - 1, maximum: limit - 2)
            var start = 1
            while start < unit.count {
                let end = min(start + sizes.size, unit.count)
                run.add(indicator)
                run.add(unit[0] & 0x1f | (start == 1 ? 0x80 : 0) | (end == unit.count ? 0x40 : 0))
                run.add(unit.extracting(start..<end))
                run.endPayload()
                start = end
            }
        }
    }
}

/// The NAL unit types that RTP adds (RFC 6184 §5.2).
enum H264PayloadType {
    static let stapA: UInt8 = 24
    static let stapB: UInt8 = 25
    static let mtap16: UInt8 = 26
    static let mtap24: UInt8 = 27
    static let fuA: UInt8 = 28
    static let fuB: UInt8 = 29
}
