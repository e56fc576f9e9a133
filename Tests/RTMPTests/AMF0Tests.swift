import RTMP
import Testing

@Suite struct AMF0Tests {
    private func failure(_ bytes: [UInt8]) -> AMF0Decoder.Failure? {
        do throws(AMF0Decoder.Failure) {
            _ = try AMF0Decoder.values(in: bytes.span)
            return nil
        } catch {
            return error
        }
    }

    @Test func `gives back every kind of value`() throws {
        let values: [AMF0Value] = [
            .number(-1.5), .boolean(true), .string("schön"), .null, .undefined, .unsupported, .reference(7),
            .string(String(repeating: "x", count: 70_000)), .xmlDocument("<a/>"),
            .date(milliseconds: 1e12, timeZone: -60),
            .object([AMF0Property("a", .strictArray([.number(1), .null])), AMF0Property("b", .object([]))]),
            .ecmaArray([AMF0Property("width", .number(640))]),
            .typedObject(name: "Point", [AMF0Property("x", .number(3))]),
        ]
        #expect(try AMF0Decoder.values(in: AMF0Encoder.encode(values).span) == values)
    }

    @Test(arguments: [0, 1, 0xffff_ffff] as [UInt32])
    func `believes an ECMA array's end, not its count`(count: UInt32) throws {
        let lie = (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * $0)) }
        let bytes = [8] + lie + [0, 1, 0x61, 5, 0, 1, 0x62, 6, 0, 0, 9, 5]
        let array = AMF0Value.ecmaArray([AMF0Property("a", .null), AMF0Property("b", .undefined)])
        #expect(try AMF0Decoder.values(in: bytes.span) == [array, .null])
    }

    @Test func `takes an object that ends with its message`() throws {
        let bytes: [UInt8] = [3, 0, 1, 0x61, 1, 1]
        #expect(try AMF0Decoder.values(in: bytes.span) == [.object([AMF0Property("a", .boolean(true))])])
    }

    @Test func `takes a property without a name`() throws {
        let bytes: [UInt8] = [3, 0, 0, 5, 0, 0, 9]
        #expect(try AMF0Decoder.values(in: bytes.span) == [.object([AMF0Property("", .null)])])
    }

    @Test func `names what is wrong`() {
        #expect(failure([0, 1]) == .truncated)
        #expect(failure([2, 0, 9, 1]) == .truncated)
        #expect(failure([12, 255, 255, 255, 255]) == .truncated)
        #expect(failure([10, 255, 255, 255, 255]) == .truncated)
        #expect(failure([3, 0, 0]) == .truncated)
        #expect(failure([0x11]) == .unknownMarker(0x11))
        #expect(failure([9]) == .unknownMarker(9))
        #expect(failure([3, 255, 255]) == .keyTooLong(65_535))
    }

    @Test func `does not follow a thousand levels`() {
        let objects = [UInt8](Array(repeating: [3, 0, 1, 0x61], count: 1000).joined())
        let arrays = [UInt8](Array(repeating: [10, 0, 0, 0, 1], count: 1000).joined())
        #expect(failure(objects) == .tooDeep)
        #expect(failure(arrays + [5]) == .tooDeep)
    }

    @Test func `cuts a name that is too long between characters`() throws {
        let name = String(repeating: "é", count: 40_000)
        let key = "x" + String(repeating: "é", count: 600)
        let values = [AMF0Value.typedObject(name: name, [AMF0Property(key, .null)])]
        let cutName = String(repeating: "é", count: 32_767)
        let cutKey = "x" + String(repeating: "é", count: 511)
        #expect(
            try AMF0Decoder.values(in: AMF0Encoder.encode(values).span)
                == [.typedObject(name: cutName, [AMF0Property(cutKey, .null)])]
        )
    }

    @Test func `counts the values of a message`() {
        #expect(failure([UInt8](repeating: 5, count: 4096)) == nil)
        #expect(failure([UInt8](repeating: 5, count: 4097)) == .tooManyValues)
        #expect(failure([10, 0, 0, 0x20, 0] + [UInt8](repeating: 5, count: 0x2000)) == .tooManyValues)
    }

    @Test func `keeps the values before one that cannot be read`() {
        let bytes: [UInt8] = [2, 0, 1, 0x61, 5, 0x11, 1, 2, 3]
        #expect(AMF0Decoder.leadingValues(in: bytes.span) == [.string("a"), .null])
    }
}
