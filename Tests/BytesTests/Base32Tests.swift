import Bytes
import Testing

@Suite struct Base32Tests {
    @Test func `what was encoded decodes to itself`() {
        for count in 0...33 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 5) }
            #expect(Base32.decode(Base32.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: ["a", "aaa", "aaaaaa", "ab", "AA", "a1", "aa=", "ä"])
    func `a text that no bytes encode to is refused`(text: String) {
        #expect(Base32.decode(text) == nil)
    }
}
