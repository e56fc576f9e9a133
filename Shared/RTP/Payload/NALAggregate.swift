/// NAL units that wait for others to share a packet with, and how large ones are cut.
struct NALAggregate: Sendable {
    /// What differs between the two codings that have NAL units.
    enum Format: Sendable {
        case h264
        case hevc

        /// Bytes of a NAL unit's header.
        var headerByteCount: Int { self == .h264 ? 1 : 2 }
    }

    private let format: Format
    /// The most bytes of a payload.
    private let limit: Int
    /// The units, each behind its length in two bytes, as aggregation packets have them.
    private var bytes: [UInt8] = []
    private var count = 0
    private var header: (UInt8, UInt8) = (0, 0)

    init(_ format: Format, limit: Int) {
        self.format = format
        self.limit = limit
    }

    /// Takes `unit` in, or writes what waits and then `unit` where they do not fit together.
    mutating func add(_ unit: Span<UInt8>, to run: inout PayloadRun) {
        guard unit.count > format.headerByteCount || format == .h264 else { return }
        let overhead = format.headerByteCount + 2
        if bytes.count + overhead + unit.count > limit { flush(to: &run) }
        if overhead + unit.count > limit {
            write(unit, to: &run)
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
        mergeHeader(of: unit)
        count += 1
    }

    /// The header of several units says the most important of each (RFC 6184 §5.7.1, RFC 7798 §4.4.2).
    private mutating func mergeHeader(of unit: Span<UInt8>) {
        let isFirst = count == 0
        switch format {
        case .h264:
            let reference = max(header.0 & 0x60, unit[0] & 0x60)
            header.0 = (header.0 | unit[0]) & 0x80 | reference | H264PayloadType.stapA
        case .hevc:
            let layer = UInt16(unit[0] & 1) << 8 | UInt16(unit[1])
            let known = UInt16(header.0 & 1) << 8 | UInt16(header.1)
            let id = isFirst ? layer >> 3 : min(layer >> 3, known >> 3)
            let temporal = isFirst ? unit[1] & 7 : min(unit[1] & 7, header.1 & 7)
            header.0 = (header.0 | unit[0]) & 0x80 | HEVCPayloadType.aggregation << 1
            header.0 |= UInt8(truncatingIfNeeded: id >> 5)
            header.1 = UInt8(truncatingIfNeeded: id << 3) | temporal
        }
    }

    /// Writes what waits.
    mutating func flush(to run: inout PayloadRun) {
        guard count > 0 else { return }
        if count == 1 {
            run.append(bytes.span.extracting(droppingFirst: 2))
        } else {
            run.add(header.0)
            if format == .hevc { run.add(header.1) }
            run.add(bytes.span)
            run.endPayload()
        }
        bytes.removeAll(keepingCapacity: true)
        count = 0
        header = (0, 0)
    }

    /// Writes a unit that shares its packets with nothing.
    private func write(_ unit: Span<UInt8>, to run: inout PayloadRun) {
        guard unit.count > limit else { return run.append(unit) }
        let headerCount = format.headerByteCount
        let sizes = FragmentSizes(byteCount: unit.count - headerCount, maximum: limit - headerCount - 1)
        var start = headerCount
        while start < unit.count {
            let end = min(start + sizes.size, unit.count)
            addFragmentHeader(of: unit, isFirst: start == headerCount, isLast: end == unit.count, to: &run)
            run.add(unit.extracting(start..<end))
            run.endPayload()
            start = end
        }
    }

    private func addFragmentHeader(
        of unit: Span<UInt8>,
        isFirst: Bool,
        isLast: Bool,
        to run: inout PayloadRun
    ) {
        let ends: UInt8 = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0)
        switch format {
        case .h264:
            run.add(unit[0] & 0xe0 | H264PayloadType.fuA)
            run.add(ends | unit[0] & 0x1f)
        case .hevc:
            run.add(unit[0] & 0x81 | HEVCPayloadType.fragmentation << 1)
            run.add(unit[1])
            run.add(ends | unit[0] >> 1 & 0x3f)
        }
    }
}

/// The NAL unit types that RTP adds (RFC 6184 §5.2).
enum H264PayloadType {
    static let stapA: UInt8 = 24
    static let stapB: UInt8 = 25
    static let fuA: UInt8 = 28
    static let fuB: UInt8 = 29
}

/// The NAL unit types that RTP adds (RFC 7798 §4.4).
enum HEVCPayloadType {
    static let aggregation: UInt8 = 48
    static let fragmentation: UInt8 = 49
}
