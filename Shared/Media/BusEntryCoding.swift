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
        unsafe withUnsafeTemporaryAllocation(
            byteCount: BusEntry.sampleHeaderByteCount,
            alignment: 8
        ) { header in
            // SAFETY: every field lies within the header, and all of its bytes are written before they are copied.
            unsafe header.store(track.rawValue, at: 0)
            unsafe header.store(generation, at: 2)
            unsafe header.store(flags.rawValue, at: 4)
            unsafe header.store(temporalLayer, at: 6)
            unsafe header.store(spatialLayer, at: 7)
            unsafe header.store(sequence, at: 8)
            unsafe header.store(decodeTime, at: 12)
            unsafe header.store(compositionOffset, at: 20)
            unsafe header.store(duration, at: 24)
            unsafe header.store(mediaSequence, at: 28)
            unsafe header.store(part, at: 32)
            unsafe header.store(UInt16(0), at: 34)
            unsafe header.store(captureClock, at: 36)
            unsafe header.store(UInt32(payload.count), at: 44)
            unsafe bytes.append(contentsOf: header)
        }
        bytes.append(contentsOf: payload)
    }

    fileprivate init(reading reader: inout ByteReader) throws {
        // SAFETY: every field lies within the header, whose length is checked here.
        let header = try unsafe reader.take(BusEntry.sampleHeaderByteCount).bytes
        self.init(
            track: unsafe TrackID(rawValue: header.load(at: 0)),
            generation: unsafe header.load(at: 2),
            flags: unsafe Flags(rawValue: header.load(at: 4)),
            temporalLayer: unsafe header.load(at: 6),
            spatialLayer: unsafe header.load(at: 7),
            sequence: unsafe header.load(at: 8),
            decodeTime: unsafe header.load(at: 12),
            compositionOffset: unsafe header.load(at: 20),
            duration: unsafe header.load(at: 24),
            mediaSequence: unsafe header.load(at: 28),
            part: unsafe header.load(at: 32),
            captureClock: unsafe header.load(at: 36),
            payload: []
        )
        let count = unsafe Int(header.load(at: 44, as: UInt32.self))
        guard count <= BusEntry.maximumSampleByteCount else { throw BusEntry.Failure.sampleTooLarge(count) }
        payload = try reader.takeArray(count)
    }
}

extension RawSpan {
    /// Reads a little-endian field; it must lie within the span.
    @unsafe
    fileprivate func load<Field: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int,
        as type: Field.Type = Field.self
    ) -> Field {
        unsafe Field(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: type))
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes a little-endian field; it must lie within the buffer.
    fileprivate func store(_ value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }
}

extension Array<UInt8> {
    fileprivate mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        // SAFETY: the bytes are those of a local integer, copied before the closure returns.
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}
