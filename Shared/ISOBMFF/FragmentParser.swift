import Bytes

/// Reads the chunks of a CMAF segment back, as one's own tests and recovery need them.
public enum FragmentParser {
    /// The samples that one chunk may have.
    public static let maximumSampleCount = 1 << 16

    /// One chunk and where it lies.
    public struct Chunk: Sendable, Equatable {
        /// What its `moof` says.
        public var fragment: MovieFragment
        /// Where its `moof` begins.
        public var offset: Int
        /// The length of the `moof` and `mdat` boxes together.
        public var byteCount: Int
        /// Where the first sample's payload begins.
        public var payloadOffset: Int
    }

    private struct Defaults {
        var duration: UInt32 = 0
        var byteCount: UInt32 = 0
        var flags: UInt32 = 0
    }

    /// Reads all chunks of `bytes`; boxes other than `moof` and `mdat` are passed over.
    public static func chunks(of bytes: Span<UInt8>) throws(BoxFailure) -> [Chunk] {
        var chunks: [Chunk] = []
        var pending: (fragment: MovieFragment, offset: Int, dataOffset: Int)?
        var reader = BoxReader(bytes)
        while let box = try reader.next() {
            if box.type == "moof" {
                let (fragment, dataOffset) = try movieFragment(box.contents)
                pending = (fragment, box.offset, dataOffset)
            } else if box.type == "mdat", let head = pending {
                let payloadOffset = head.offset &+ head.dataOffset
                let end = box.offset + box.headerByteCount + box.contents.count
                guard payloadOffset >= box.offset, payloadOffset <= end,
                    head.fragment.payloadByteCount <= end - payloadOffset
                else { throw .truncated(needed: payloadOffset, remaining: end) }
                chunks.append(
                    Chunk(
                        fragment: head.fragment,
                        offset: head.offset,
                        byteCount: end - head.offset,
                        payloadOffset: payloadOffset
                    )
                )
                pending = nil
            }
        }
        if pending != nil { throw .missing("mdat") }
        return chunks
    }

    private static func movieFragment(_ bytes: Span<UInt8>) throws(BoxFailure) -> (MovieFragment, Int) {
        var fragment = MovieFragment(sequence: 0, trackID: 0, decodeTime: 0, samples: [])
        var dataOffset: Int?
        var reader = BoxReader(bytes)
        while let box = try reader.next() {
            if box.type == "mfhd" {
                var fields = FullBoxReader(box.contents)
                try fields.readVersion()
                fragment.sequence = try fields.read()
            } else if box.type == "traf" {
                dataOffset = try trackFragment(box.contents, into: &fragment)
            }
        }
        guard let dataOffset else { throw .missing("traf") }
        return (fragment, dataOffset)
    }

    private static func trackFragment(
        _ bytes: Span<UInt8>,
        into fragment: inout MovieFragment
    ) throws(BoxFailure) -> Int {
        var defaults = Defaults()
        var dataOffset: Int?
        var reader = BoxReader(bytes)
        while let box = try reader.next() {
            var fields = FullBoxReader(box.contents)
            switch box.type {
            case "tfhd":
                try fields.readVersion()
                fragment.trackID = try fields.read()
                defaults = try readDefaults(&fields)
            case "tfdt":
                try fields.readVersion()
                fragment.decodeTime =
                    fields.version == 1 ? try fields.read() : UInt64(try fields.read(UInt32.self))
            case "trun":
                let offset = try readRun(&fields, defaults: defaults, into: &fragment.samples)
                dataOffset = dataOffset ?? offset
            default: continue
            }
        }
        guard let dataOffset else { throw .missing("trun") }
        return dataOffset
    }

    private static func readDefaults(_ fields: inout FullBoxReader) throws(BoxFailure) -> Defaults {
        var defaults = Defaults()
        if fields.has(0x1) { _ = try fields.read(UInt64.self) }
        if fields.has(0x2) { _ = try fields.read(UInt32.self) }
        if fields.has(0x8) { defaults.duration = try fields.read() }
        if fields.has(0x10) { defaults.byteCount = try fields.read() }
        if fields.has(0x20) { defaults.flags = try fields.read() }
        return defaults
    }

    private static func readRun(
        _ fields: inout FullBoxReader,
        defaults: Defaults,
        into samples: inout [MovieFragment.Sample]
    ) throws(BoxFailure) -> Int? {
        try fields.readVersion()
        let count: UInt32 = try fields.read()
        guard Int(count) + samples.count <= maximumSampleCount else { throw .tooMany("trun", UInt64(count)) }
        let dataOffset = fields.has(0x1) ? Int(try fields.read(Int32.self)) : nil
        let firstFlags: UInt32? = fields.has(0x4) ? try fields.read() : nil
        for index in 0..<count {
            let duration = fields.has(0x100) ? try fields.read() : defaults.duration
            let byteCount = fields.has(0x200) ? try fields.read() : defaults.byteCount
            var flags = fields.has(0x400) ? try fields.read() : defaults.flags
            if index == 0, let firstFlags { flags = firstFlags }
            let offset: Int32 = fields.has(0x800) ? try fields.read() : 0
            samples.append(
                .init(
                    byteCount: byteCount,
                    duration: duration,
                    compositionOffset: offset,
                    flags: SampleFlags(rawValue: flags)
                )
            )
        }
        return dataOffset
    }
}

/// Reads the fields of one full box.
struct FullBoxReader: ~Escapable {
    private var reader: ByteReader
    private(set) var version: UInt8 = 0
    private(set) var flags: UInt32 = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        reader = ByteReader(bytes)
    }

    func has(_ flag: UInt32) -> Bool { flags & flag != 0 }

    @_lifetime(self: copy self)
    mutating func readVersion() throws(BoxFailure) {
        version = try read()
        do { flags = try reader.readUInt24() } catch { throw BoxFailure(error) }
    }

    @_lifetime(self: copy self)
    mutating func read<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(BoxFailure) -> T {
        do { return try reader.read() } catch { throw BoxFailure(error) }
    }
}
