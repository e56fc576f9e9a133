import RTP
import Testing

@Suite struct PacketTests {
    private func packet(_ bytes: [UInt8]) throws -> RTPPacket { try RTPPacket(parsing: bytes.span) }

    private func failure(_ bytes: [UInt8]) -> RTPPacket.Failure? {
        do throws(RTPPacket.Failure) {
            _ = try RTPPacket(parsing: bytes.span)
            return nil
        } catch {
            return error
        }
    }

    private let fixed: [UInt8] = [0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 5, 1, 2, 3, 4]

    @Test func `reads the fixed fields`() throws {
        let packet = try packet(fixed + [9, 8])
        let header = RTPHeader(
            hasMarker: true,
            payloadType: 96,
            sequenceNumber: 0x1234,
            timestamp: 5,
            ssrc: 0x0102_0304
        )
        #expect(packet.header == header)
        #expect(packet.payloadRange == 12..<14)
    }

    @Test func `skips contributing sources and an extension of an unknown profile`() throws {
        let bytes: [UInt8] =
            [0x92] + fixed[1...] + [UInt8](repeating: 7, count: 8) + [0x12, 0x34, 0, 1, 1, 2, 3, 4, 99]
        let packet = try packet(bytes)
        #expect(packet.contributingSourceCount == 2)
        #expect(packet.payloadRange == 28..<29)
        #expect(try elements(in: bytes).isEmpty)
    }

    @Test func `takes padding off, and refuses padding that cannot be`() throws {
        let padded: [UInt8] = [0xa0] + fixed[1...] + [1, 2, 3, 0, 2]
        #expect(try packet(padded).payloadRange == 12..<15)
        #expect(try packet(padded).paddingByteCount == 2)
        let alone: [UInt8] = [0xa0] + fixed[1...] + [0, 0, 0, 4]
        #expect(try packet(alone).payloadRange.isEmpty)
        #expect(failure([0xa0] + fixed[1...]) == .invalidPadding(0))
        #expect(failure([0xa0] + fixed[1...] + [0]) == .invalidPadding(0))
        #expect(failure([0xa0] + fixed[1...] + [2]) == .invalidPadding(2))
        #expect(failure([0xa0] + fixed[1...] + [255]) == .invalidPadding(255))
    }

    @Test func `refuses what is too short or of another version`() {
        #expect(failure([]) == .truncated)
        #expect(failure(Array(fixed.dropLast())) == .truncated)
        #expect(failure([0x40] + fixed[1...]) == .wrongVersion(1))
        #expect(failure([0x81] + fixed[1...]) == .truncated)
        #expect(failure([0x90] + fixed[1...]) == .truncated)
        #expect(failure([0x90] + fixed[1...] + [0xbe, 0xde, 0xff, 0xff]) == .truncated)
    }

    private func isRTCP(_ bytes: [UInt8]) -> Bool { RTPPacket.isRTCP(bytes.span) }

    @Test func `tells RTCP from RTP`() {
        #expect(isRTCP([0x80, 200]))
        #expect(!isRTCP([0x80, 96]))
        #expect(!isRTCP([0x80, 0xe0]))
        #expect(!isRTCP([0x80]))
    }

    @Test func `reads the examples of RFC 8285`() throws {
        // §4.2: one-byte form with padding between elements; §4.3: two-byte form with an empty element.
        let oneByte: [UInt8] = [0xbe, 0xde, 0, 3, 0x10, 0xaa, 0x21, 1, 2, 0, 0, 0x33, 1, 2, 3, 4]
        #expect(try elements(oneByte) == [[1, 0xaa], [2, 1, 2], [3, 1, 2, 3, 4]])
        let twoByte: [UInt8] = [0x10, 0x00, 0, 3, 1, 0, 2, 1, 0xaa, 0, 3, 4, 1, 2, 3, 4]
        #expect(try elements(twoByte) == [[1], [2, 0xaa], [3, 1, 2, 3, 4]])
    }

    @Test func `stops at an element that does not fit or may not be`() throws {
        #expect(try elements([0xbe, 0xde, 0, 1, 0x10, 1, 0x2f, 9]) == [[1, 1]])
        #expect(try elements([0xbe, 0xde, 0, 1, 0x10, 1, 0xf0, 9]) == [[1, 1]])
        #expect(try elements([0xbe, 0xde, 0, 1, 0x10, 1, 0x01, 9]) == [[1, 1]])
        #expect(try elements([0x10, 0x0f, 0, 1, 1, 1, 5, 2]) == [[1, 5]])
        #expect(try elements([0x10, 0x0f, 0, 1, 1, 1, 5, 0]) == [[1, 5]])
    }

    /// The ID and the data of each element.
    private func elements(_ extensions: [UInt8]) throws -> [[UInt8]] {
        try elements(in: [0x90] + fixed[1...] + extensions)
    }

    private func elements(in bytes: [UInt8]) throws -> [[UInt8]] {
        var cursor = HeaderExtensionCursor(try packet(bytes))
        var found: [[UInt8]] = []
        while let element = cursor.next(in: bytes.span) { found.append([element.id] + bytes[element.range]) }
        return found
    }

    private func ids(_ numbers: [HeaderExtensionKind: UInt8]) -> HeaderExtensionIDs {
        var ids = HeaderExtensionIDs()
        for (kind, id) in numbers { ids[kind] = id }
        return ids
    }

    private var everything: HeaderExtensions {
        var all = HeaderExtensions()
        all.mid = "0"
        all.rid = "hi"
        all.repairedRID = "lo"
        all.absoluteSendTime = 0x12_3456
        all.transportSequenceNumber = 0xabcd
        all.playoutDelay = .init(minimum: 0, maximum: 40)
        all.absoluteCaptureTime = .init(time: 1 << 40, clockOffset: -5)
        all.audioLevel = 0x85
        all.videoOrientation = 1
        return all
    }

    @Test(arguments: [0, 20] as [UInt8])
    func `reads back every extension it writes, in both forms`(offset: UInt8) throws {
        var ids = HeaderExtensionIDs()
        for (index, kind) in HeaderExtensionKind.allCases.enumerated() {
            ids[kind] = UInt8(index) + 1 + offset
        }
        let block = try #require(HeaderExtensionBlock(everything, ids: ids))
        #expect(block.bytes.count % 4 == 0)
        #expect(block.bytes.first == (offset == 0 ? 0xbe : 0x10))
        let header = RTPHeader(payloadType: 96, sequenceNumber: 1, timestamp: 2, ssrc: 3)
        let bytes = header.packet(extensions: block, payload: [7, 7].span)
        let packet = try packet(bytes)
        #expect(packet.header == header)
        #expect(Array(bytes[packet.payloadRange]) == [7, 7])
        let read = HeaderExtensions(of: packet, in: bytes.span, ids: ids)
        #expect(read == everything)
    }

    @Test func `changes in place the fields that every viewer has of its own`() throws {
        let ids = ids([.absoluteSendTime: 3, .transportSequenceNumber: 5])
        var extensions = HeaderExtensions()
        extensions.absoluteSendTime = 0
        extensions.transportSequenceNumber = 0
        let block = try #require(HeaderExtensionBlock(extensions, ids: ids))
        let header = RTPHeader(hasMarker: true, payloadType: 96, sequenceNumber: 1, timestamp: 2, ssrc: 3)
        var bytes = header.packet(extensions: block, payload: [1].span)
        let numberOffset = try #require(block.transportSequenceNumberOffset)
        let timeOffset = try #require(block.absoluteSendTimeOffset)
        var span = bytes.mutableSpan
        PacketFields.overwrite(&span, sequenceNumber: 10, timestamp: 20, ssrc: 30)
        PacketFields.overwrite(&span, transportSequenceNumber: 40, at: numberOffset)
        PacketFields.overwrite(&span, absoluteSendTime: 50, at: timeOffset)
        let packet = try packet(bytes)
        #expect(
            packet.header
                == RTPHeader(hasMarker: true, payloadType: 96, sequenceNumber: 10, timestamp: 20, ssrc: 30)
        )
        let read = HeaderExtensions(of: packet, in: bytes.span, ids: ids)
        #expect(read.transportSequenceNumber == 40)
        #expect(read.absoluteSendTime == 50)
    }

    @Test func `counts absolute send time in 2⁻¹⁸ s and starts again after 64 s`() {
        #expect(PacketFields.absoluteSendTime(at: 500_000_000) == 1 << 17)
        #expect(PacketFields.absoluteSendTime(at: 64_500_000_000) == 1 << 17)
        #expect(PacketFields.absoluteSendTime(at: .max) <= 0xff_ffff)
    }

    @Test func `leaves out names that no grammar allows and lengths that are wrong`() throws {
        let ids = ids([.mid: 1, .absoluteSendTime: 2, .playoutDelay: 3])
        let bytes: [UInt8] =
            [0x90] + fixed[1...] + [
                0xbe, 0xde, 0, 3, 0x11, 0x41, 0x0a, 0x21, 1, 2, 0x32, 0, 0x10, 0x02, 0, 0,
            ]
        let read = HeaderExtensions(of: try packet(bytes), in: bytes.span, ids: ids)
        #expect(read.mid == nil)
        #expect(read.absoluteSendTime == nil)
        #expect(read.playoutDelay == .init(minimum: 1, maximum: 2))
    }

    @Test func `has no block where nothing was negotiated`() {
        #expect(HeaderExtensionBlock(everything, ids: HeaderExtensionIDs()) == nil)
    }

    @Test func `goes on counting where numbers wrap, and finds late ones`() {
        var numbers = SequenceUnwrapper()
        #expect(numbers.unwrap(65_534) == 131_070)
        #expect(numbers.unwrap(1) == 131_073)
        #expect(numbers.peek(65_535) == 131_071)
        #expect(numbers.unwrap(65_535) == 131_071)
        var times = TimestampUnwrapper()
        #expect(times.unwrap(0xffff_fff0) == 0xffff_fff0)
        #expect(times.unwrap(0x10) == 0x1_0000_0010)
        #expect(times.unwrap(0xffff_fff0) == 0xffff_fff0)
    }
}
