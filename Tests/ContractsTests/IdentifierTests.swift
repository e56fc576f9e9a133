import Contracts
import Testing

@Suite struct IdentifierTests {
    @Test func `128 bits in lower-case Base32 are an ID`() {
        #expect(Identifier.isValid("abcdefghijklmnopqrstuvwxyz"))
        #expect(Identifier.isValid("234567aaaaaaaaaaaaaaaaaaaa"))
    }

    @Test(arguments: [
        "", "abcdefghijklmnopqrstuvwxy", "abcdefghijklmnopqrstuvwxyza", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "1bcdefghijklmnopqrstuvwxyz", "8bcdefghijklmnopqrstuvwxyz", "../defghijklmnopqrstuvwxyz",
        "abcdefghijklm/opqrstuvwxyz", "abcdefghijklmnopqrstuvwxy\0", "äbcdefghijklmnopqrstuvwxy",
    ])
    func `what could mean anything else is none`(text: String) {
        #expect(!Identifier.isValid(text))
    }
}
