import Bytes
import Testing

@Suite struct ByteReaderTests {
    @Test func `reads big-endian and little-endian fields in turn`() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
        var reader = ByteReader(bytes.span)
        #expect(try reader.read(UInt16.self) == 0x0102)
        #expect(try reader.readUInt24() == 0x030405)
        #expect(try reader.readLittleEndian(UInt16.self) == 0x0706)
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    @Test func `refuses to read past the end or backwards`() {
        let bytes: [UInt8] = [1]
        var reader = ByteReader(bytes.span)
        var failures: [ByteReader.Failure] = []
        do { _ = try reader.read(UInt32.self) } catch { failures.append(error) }
        do { try reader.skip(-1) } catch { failures.append(error) }
        #expect(
            failures == [.truncated(needed: 4, remaining: 1), .truncated(needed: -1, remaining: 1)]
        )
        #expect(reader.remaining == 1)
    }

    @Test func `reads Exp-Golomb codes`() throws {
        // 1, 010, 011, 00100, 00101 as in H.264 table 9-2.
        let bytes: [UInt8] = [0b1010_0110, 0b0100_0010, 0b1000_0000]
        var reader = BitReader(bytes.span)
        #expect(try reader.readUnsignedExpGolomb() == 0)
        #expect(try reader.readUnsignedExpGolomb() == 1)
        #expect(try reader.readSignedExpGolomb() == -1)
        #expect(try reader.readUnsignedExpGolomb() == 3)
        #expect(try reader.readSignedExpGolomb() == -2)
    }

    @Test func `gives up on an endless Exp-Golomb code`() {
        let bytes = [UInt8](repeating: 0, count: 64)
        var reader = BitReader(bytes.span)
        var failure: BitReader.Failure?
        do { _ = try reader.readUnsignedExpGolomb() } catch { failure = error }
        #expect(failure == .codeTooLong)
    }

    @Test(arguments: [[], [0], [255, 1], [1, 2, 3], Array(0...255)] as [[UInt8]])
    func `text encodings give back what they took`(bytes: [UInt8]) {
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode(Base64.encodeURLSafe(bytes)) == bytes)
        #expect(Base32.encode([UInt8](repeating: 255, count: 16)).utf8.count == 26)
    }

    @Test func `text that is not an encoding is refused`() {
        #expect(Hex.decode("0g") == nil)
        #expect(Hex.decode("abc") == nil)
        #expect(Base64.decode("a") == nil)
        #expect(Base64.decode("ab=c") == nil)
    }
}
