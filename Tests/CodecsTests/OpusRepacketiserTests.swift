import Codecs
import Testing

@Suite struct OpusRepacketiserTests {
    /// 20 ms of CELT, stereo, as a packet of one frame.
    private func packet(_ size: Int, _ first: UInt8 = 0xfc, filledWith byte: UInt8 = 7) -> [UInt8] {
        [first] + [UInt8](repeating: byte, count: size)
    }

    private func merge(_ packets: [[UInt8]]) -> [UInt8]? {
        var frames = OpusRepacketiser()
        for packet in packets where !frames.add(packet.span) { return nil }
        return frames.packet
    }

    @Test func `two of one length need no length, two others one`() {
        #expect(merge([packet(3), packet(3, filledWith: 8)]) == [0xfd, 7, 7, 7, 8, 8, 8])
        #expect(merge([packet(2), packet(3, filledWith: 8)]) == [0xfe, 2, 7, 7, 8, 8, 8])
        #expect(merge([packet(3)]) == packet(3))
        #expect(merge([]) == [])
    }

    @Test func `more are counted, with lengths where they differ`() {
        let equal = merge([packet(2), packet(2, filledWith: 8), packet(2, filledWith: 9)])
        #expect(equal == [0xff, 3, 7, 7, 8, 8, 9, 9])
        let unequal = merge([packet(2), packet(3, filledWith: 8), packet(2, filledWith: 9)])
        #expect(unequal == [0xff, 0x83, 2, 3, 7, 7, 8, 8, 8, 9, 9])
    }

    @Test(arguments: [251, 252, 253, 255, 256, 1020, 1274, 1275])
    func `long lengths are written as they are read`(size: Int) throws {
        let bytes = try #require(merge([packet(size), packet(20, filledWith: 8)]))
        #expect(bytes.count == 1 + (size < 252 ? 1 : 2) + size + 20)
        var frames = OpusRepacketiser()
        let isTaken = frames.add(bytes.span)
        #expect(isTaken && frames.sampleCount == 1920)
        #expect(frames.packet == bytes, "its own packets are taken apart again")
        let more = try #require(merge([bytes, packet(size, filledWith: 9)]))
        #expect(
            Array(more.prefix(2)) == [0xff, 0x83] && more.suffix(size) == packet(size, filledWith: 9)[1...]
        )
    }

    @Test(arguments: [1, 2, 3])
    func `packets of several frames are taken whatever their form is`(form: UInt8) {
        let bodies: [[UInt8]] = [
            [], [0xfd, 5, 5, 6, 6], [0xfe, 2, 5, 5, 6, 6], [0xff, 0x82, 2, 5, 5, 6, 6],
        ]
        #expect(merge([bodies[Int(form)], packet(2)]) == [0xff, 3, 5, 5, 6, 6, 7, 7])
    }

    @Test func `what differs, says nothing or would last too long stays alone`() {
        #expect(merge([packet(3), packet(3, 0xf8)]) == nil, "another number of channels")
        #expect(merge([packet(3), packet(3, 0xf4)]) == nil, "another length of frames")
        #expect(merge([[0xfc]]) == nil && merge([packet(1)]) == nil, "silence")
        #expect(merge([[0xfe, 0, 5, 5]]) == nil, "silence in front")
        #expect(merge([[0xff, 0x41, 1, 5, 5, 0]]) == nil, "padding")
        #expect(merge([packet(1276)]) == nil, "more than a frame can have")
        #expect(merge([[UInt8]](repeating: packet(3), count: 6))?.prefix(2) == [0xff, 6])
        #expect(merge([[UInt8]](repeating: packet(3), count: 7)) == nil, "more than 120 ms")
        var frames = OpusRepacketiser()
        let three = packet(3)
        let taken = (0..<4).map { _ in frames.add(three.span, limit: 2880) }
        #expect(taken == [true, true, true, false])
        #expect(frames.sampleCount == 2880 && frames.packet.prefix(2) == [0xff, 3])
    }

    @Test(
        arguments: [
            [], [0xfd, 1, 2, 3], [0xfe], [0xfe, 252], [0xfe, 9, 1, 2], [0xff], [0xff, 0], [0xff, 2, 1, 2, 3],
            [0xff, 0x83, 2, 3, 1, 2, 3], [0xff, 0x3f, 1],
        ] as [[UInt8]]
    )
    func `broken packets are not taken`(packet: [UInt8]) {
        #expect(merge([packet]) == nil)
    }
}
