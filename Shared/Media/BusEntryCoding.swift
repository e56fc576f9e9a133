import Bytes

extension BusEntry {
    /// The number of bytes that ``append(to:)`` adds.
    public var encodedByteCount: Int {
        samples.reduce(Self.headerByteCount) { $0 + Self.sampleHeaderByteCount + $1.payload.count }
    }

    /// The entry as bytes of the bus.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encodedByteCount)
        append(to: &bytes)
        return bytes
    }

    /// Appends the entry as bytes of the bus.
    ///
    /// - Precondition: there are at most 65,535 samples of at most ``maximumSampleByteCount`` bytes.
    public func append(to bytes: inout [UInt8]) {
        bytes.append(Self.version)
        bytes.append(flags.rawValue)
        bytes.appendLittleEndian(UInt16(samples.count))
        bytes.appendLittleEndian(UInt32(0))
        bytes.appendLittleEndian(keyframeCounter)
        for sample in samples { sample.append(to: &bytes) }
    }

    /// Reads an entry; every byte must belong to it.
    public init(decoding bytes: Span<UInt8>) throws(Failure) {
        var reader = ByteReader(bytes)
        do {
            let version = try reader.readLittleEndian(UInt8.self)
            guard version == Self.version else { throw Failure.unsupportedVersion(version) }
            let flags = Flags(rawValue: try reader.readLittleEndian())
            let count = Int(try reader.readLittleEndian(UInt16.self))
            try reader.skip(4)
            self.init(flags: flags, keyframeCounter: try reader.readLittleEndian(), samples: [])
            guard reader.remaining / Self.sampleHeaderByteCount >= count else { throw Failure.truncated }
            samples.reserveCapacity(count)
            for _ in 0..<count { samples.append(try BusSample(reading: &reader)) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .truncated
        }
        guard reader.isAtEnd else { throw .trailingBytes(reader.remaining) }
    }

    /// Reads an entry; every byte must belong to it.
    public init(decoding bytes: [UInt8]) throws(Failure) {
        try self.init(decoding: bytes.span)
    }
}

extension BusSample {
    fileprivate func append(to bytes: inout [UInt8]) {
        bytes.appendLittleEndian(track.rawValue)
        bytes.appendLittleEndian(generation)
        bytes.appendLittleEndian(flags.rawValue)
        bytes.append(temporalLayer)
        bytes.append(spatialLayer)
        bytes.appendLittleEndian(sequence)
        bytes.appendLittleEndian(decodeTime)
        bytes.appendLittleEndian(compositionOffset)
        bytes.appendLittleEndian(duration)
        bytes.appendLittleEndian(mediaSequence)
        bytes.appendLittleEndian(part)
        bytes.appendLittleEndian(UInt16(0))
        bytes.appendLittleEndian(captureClock)
        bytes.appendLittleEndian(UInt32(payload.count))
        bytes.append(contentsOf: payload)
    }

    fileprivate init(reading reader: inout ByteReader) throws {
        self.init(
            track: TrackID(rawValue: try reader.readLittleEndian()),
            generation: try reader.readLittleEndian(),
            flags: Flags(rawValue: try reader.readLittleEndian()),
            temporalLayer: try reader.readLittleEndian(),
            spatialLayer: try reader.readLittleEndian(),
            sequence: try reader.readLittleEndian(),
            decodeTime: try reader.readLittleEndian(),
            compositionOffset: try reader.readLittleEndian(),
            duration: try reader.readLittleEndian(),
            mediaSequence: try reader.readLittleEndian(),
            part: try reader.readLittleEndian(),
            payload: []
        )
        try reader.skip(2)
        captureClock = try reader.readLittleEndian()
        let count = Int(try reader.readLittleEndian(UInt32.self))
        guard count <= BusEntry.maximumSampleByteCount else { throw BusEntry.Failure.sampleTooLarge(count) }
        payload = try reader.takeArray(count)
    }
}

extension Array<UInt8> {
    fileprivate mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        // SAFETY: the bytes are those of a local integer, copied before the closure returns.
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}
