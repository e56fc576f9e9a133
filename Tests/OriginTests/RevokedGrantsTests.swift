import Events
import Testing

@Suite struct RevokedGrantsTests {
    @Test func `a browser with several share links has several grants`() {
        #expect(RevokedGrants.grants(in: nil).isEmpty)
        #expect(RevokedGrants.grants(in: "").isEmpty)
        #expect(RevokedGrants.grants(in: "g1,,g2") == ["g1", "g2"])
    }

    @Test func `what was revoked is remembered for a minute, and no more than fits`() {
        var revoked = RevokedGrants()
        revoked.note("g1", at: 0)
        #expect(revoked.contains(["g0", "g1"]) && !revoked.contains(["g0"]) && !revoked.contains([]))
        revoked.note("g2", at: 61_000_000_000)
        #expect(!revoked.contains(["g1"]) && revoked.contains(["g2"]))
        for number in 0..<UInt64(RevokedGrants.limit) {
            revoked.note("n\(number)", at: 62_000_000_000 + number)
        }
        #expect(!revoked.contains(["g2"]) && revoked.contains(["n\(RevokedGrants.limit - 1)"]))
    }
}
