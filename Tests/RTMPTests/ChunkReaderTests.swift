import RTMP
import Testing

@Suite struct ChunkReaderTests {
    private func read(
        _ bytes: [UInt8],
        slice: Int = .max,
        limits: ChunkReader.Limits = ChunkReader.Limits()
    ) throws -> [RawMessage] {
        var reader = ChunkReader(limits: limits)
        var messages: [RawMessage] = []
        var start = 0
        while start < bytes.count {
            let end = slice == .max ? bytes.count : min(start + slice, bytes.count)
            let part = Array(bytes[start..<end])
            var offset = 0
            while let message = try reader.next(in: part.span, from: &offset) { messages.append(message) }
            #expect(offset == part.count)
            start = end
        }
        return messages
    }

    private func header(
        format: UInt8 = 0,
        on chunkStreamID: UInt8 = 4,
        time: UInt32,
        byteCount: Int,
        type: UInt8 = 9
    ) -> [UInt8] {
        [format << 6 | chunkStreamID]
            + [UInt8(time >> 16 & 255), UInt8(time >> 8 & 255), UInt8(time & 255)]
            + [UInt8(byteCount >> 16), UInt8(byteCount >> 8 & 255), UInt8(byteCount & 255), type]
            + (format == 0 ? [1, 0, 0, 0] : [])
    }

    @Test(arguments: [1, 2, 3, 5, 64, Int.max])
    func `reads the specification's examples`(slice: Int) throws {
        // RTMP 1.0 §5.3.2.1: four messages of 32 bytes, 20 ms apart; §5.3.2.2: 307 bytes in three chunks.
        let body = [UInt8](repeating: 0xaa, count: 32)
        let audio =
            header(on: 3, time: 1000, byteCount: 32, type: 8) + body
            + [0x83, 0, 0, 20] + body + [0xc3] + body + [0xc3] + body
        let long = (0..<307).map { UInt8(truncatingIfNeeded: $0) }
        let video =
            header(on: 4, time: 1000, byteCount: 307) + long[..<128] + [0xc4] + long[128..<256] + [0xc4]
            + long[256...]
        let messages = try read(audio + video, slice: slice)
        #expect(messages.map(\.timestamp) == [1000, 1020, 1040, 1060, 1000])
        #expect(messages.last == RawMessage(type: 9, streamID: 1, timestamp: 1000, payload: long))
    }

    @Test(arguments: [1, 4, Int.max])
    func `reads chunk stream IDs of one, two and three bytes`(slice: Int) throws {
        let rest = Array(header(time: 5, byteCount: 1).dropFirst()) + [9]
        let input = [63] + rest + [0, 0] + rest + [0, 255] + rest + [1, 255, 255] + rest
        let shortened: [UInt8] = [0xc1, 255, 255, 8]
        #expect(try read(input + shortened, slice: slice).map(\.timestamp) == [5, 5, 5, 5, 10])
    }

    @Test(arguments: [1, 3, Int.max], [true, false])
    func `goes on after 4 h 39 min, whether or not the time is repeated`(slice: Int, repeats: Bool) throws {
        let body = (1...200).map { UInt8($0) }
        let time: [UInt8] = [0x01, 0x00, 0x00, 0x05]
        let first = header(time: 0xff_ffff, byteCount: 200) + time + body[..<128] + [0xc4]
        let input = first + (repeats ? time : []) + body[128...]
        // A delta of 40 ms brings the short form back.
        let next = header(format: 1, time: 40, byteCount: 2) + [1, 2]
        let messages = try read(input + next, slice: slice)
        #expect(messages.map(\.timestamp) == [0x0100_0005, 0x0100_002d])
        #expect(messages.map(\.payload) == [body, [1, 2]])
    }

    @Test(arguments: [1, Int.max])
    func `takes the message's time where the delta should be repeated`(slice: Int) throws {
        let body = [UInt8](repeating: 7, count: 130)
        let start = header(time: 1, byteCount: 0)
        let delta: [UInt8] = [0x01, 0x00, 0x00, 0x00]
        let later = header(format: 1, time: 0xff_ffff, byteCount: 130) + delta + body[..<128]
        let input = start + later + [0xc4, 0x01, 0x00, 0x00, 0x01] + body[128...]
        #expect(try read(input, slice: slice).map(\.timestamp) == [1, 0x0100_0001])
    }

    @Test func `gives media that begins like a repeated time back`() throws {
        let time: [UInt8] = [0x01, 0x02, 0x03, 0x04]
        let body = [UInt8](repeating: 0, count: 128) + [0x01, 0x02, 0x03]
        let input =
            header(time: 0xff_ffff, byteCount: body.count) + time + body[..<128] + [0xc4] + body[128...]
        let next = header(on: 5, time: 7, byteCount: 1) + [1]
        for slice in [1, 2, 3, 1000] {
            #expect(try read(input + next, slice: slice).map(\.payload) == [body, [1]])
        }
    }

    @Test func `a delta wraps the clock`() throws {
        let input =
            header(time: 0xff_ffff, byteCount: 0) + [0xff, 0xff, 0xff, 0xf0]
            + header(format: 1, time: 0x20, byteCount: 0)
        #expect(try read(input).map(\.timestamp) == [0xffff_fff0, 0x10])
    }

    @Test(arguments: [1, 5, Int.max])
    func `obeys a chunk size set within another message`(slice: Int) throws {
        let body = [UInt8](repeating: 3, count: 600)
        let resize = header(on: 2, time: 0, byteCount: 4, type: 1) + [0, 0, 2, 0]
        let input =
            header(time: 1, byteCount: 600) + body[..<128] + resize + [0xc4] + body[..<472]
        #expect(try read(input, slice: slice).map(\.payload) == [body])
    }

    @Test func `forgets an aborted message and takes interleaved ones`() throws {
        let audio = header(on: 5, time: 2, byteCount: 3, type: 8) + [1, 2, 3]
        let aborted = header(on: 4, time: 1, byteCount: 200) + [UInt8](repeating: 0, count: 128)
        let abort = header(on: 2, time: 0, byteCount: 4, type: 2) + [0, 0, 0, 4]
        let video = header(on: 4, time: 3, byteCount: 1) + [9]
        let messages = try read(aborted + audio + abort + video)
        #expect(messages.map(\.payload) == [[1, 2, 3], [9]])
    }

    @Test(arguments: [1, 5, Int.max])
    func `takes the first message of a chunk stream without the number of its stream`(slice: Int) throws {
        // RTMP_SendCtrl of librtmp, on a channel that it has not used before: the answer to a ping.
        let pong: [UInt8] = [0x42, 0, 0, 0, 0, 0, 6, 4, 0, 7, 0, 0, 0x27, 0x10]
        let again: [UInt8] = [0xc2, 0, 7, 0, 0, 0x4e, 0x20]
        let messages = try read(pong + again, slice: slice)
        #expect(messages.map(\.streamID) == [0, 0])
        #expect(messages.map(\.timestamp) == [0, 0])
        #expect(messages.map(\.payload) == [[0, 7, 0, 0, 0x27, 0x10], [0, 7, 0, 0, 0x4e, 0x20]])
    }

    @Test func `hands out empty messages`() throws {
        let input = header(time: 1, byteCount: 0) + [0xc4] + header(time: 9, byteCount: 0)
        #expect(try read(input, slice: 1).map(\.timestamp) == [1, 2, 9])
    }

    @Test func `does not double a late time that stands for no delta`() throws {
        let input = header(time: 60_000, byteCount: 1) + [1, 0xc4, 2]
        #expect(try read(input).map(\.timestamp) == [60_000, 60_000])
    }

    @Test func `names what breaks the chunk layer`() {
        let zero = header(on: 2, time: 0, byteCount: 4, type: 1) + [0, 0, 0, 0]
        let negative = header(on: 2, time: 0, byteCount: 4, type: 1) + [0x80, 0, 0, 1]
        let short = header(on: 2, time: 0, byteCount: 1, type: 1) + [1]
        #expect(throws: ChunkReader.Failure.invalidChunkSize(0)) { try read(zero) }
        #expect(throws: ChunkReader.Failure.invalidChunkSize(0x8000_0001)) { try read(negative) }
        #expect(throws: ChunkReader.Failure.truncatedControlMessage(type: 1)) { try read(short) }
        #expect(throws: ChunkReader.Failure.headerMissing(chunkStreamID: 9)) { try read([0xc9]) }
        #expect(throws: ChunkReader.Failure.headerMissing(chunkStreamID: 2)) { try read([0x82, 0, 0, 0]) }
    }

    @Test func `holds no more than its limits say`() throws {
        var limits = ChunkReader.Limits()
        limits.messageByteCount = 100
        #expect(throws: ChunkReader.Failure.messageTooLarge(byteCount: 101, limit: 100)) {
            try read(header(time: 0, byteCount: 101), limits: limits)
        }
        let many = (0..<65).flatMap { [0, UInt8($0)] + header(time: 0, byteCount: 0).dropFirst() }
        #expect(throws: ChunkReader.Failure.tooManyChunkStreams) { try read(many) }
        limits.messageByteCount = 1000
        limits.partialByteCount = 200
        let partial = header(on: 4, time: 0, byteCount: 500) + [UInt8](repeating: 0, count: 128)
        let other = header(on: 5, time: 0, byteCount: 500) + [UInt8](repeating: 0, count: 128)
        #expect(throws: ChunkReader.Failure.tooManyPartialBytes) {
            try read(partial + other, limits: limits)
        }
    }

    @Test func `a chunk may be as long as a message`() throws {
        let resize = header(on: 2, time: 0, byteCount: 4, type: 1) + [0x7f, 0xff, 0xff, 0xff]
        let body = [UInt8](repeating: 1, count: 3 << 20)
        let messages = try read(resize + header(time: 0, byteCount: body.count) + body, slice: 65_536)
        #expect(messages.map(\.payload.count) == [body.count])
    }

    @Test(arguments: [false, true], [128, 4096])
    func `reads what the writer writes`(compresses: Bool, chunkSize: Int) throws {
        var writer = ChunkWriter(compressesHeaders: compresses)
        var bytes =
            header(on: 2, time: 0, byteCount: 4, type: 1) + [
                0, 0, UInt8(chunkSize >> 8), UInt8(chunkSize & 255),
            ]
        writer.chunkSize = chunkSize
        let times: [UInt32] = [
            0, 40, 80, 90, 20, 16_777_214, 16_777_215, 40_000_000, 40_000_040, 4_294_967_295, 3,
        ]
        let messages = times.enumerated().map { index, time in
            let body = [UInt8](repeating: UInt8(index), count: index * 131)
            return RawMessage(type: index % 3 == 0 ? 8 : 9, streamID: 1, timestamp: time, payload: body)
        }
        for message in messages { writer.write(message, on: message.type, to: &bytes) }
        #expect(try read(bytes, slice: 7) == messages)
    }
}
