import Testing

@testable import SFU

struct JoiningViewersTests {
    @Test func `one address has an eighth of the places until its viewers connect, others have theirs`() {
        var joining = JoiningViewers(places: 5000)
        let greedy = JoinOrigin("192.0.2.1")
        for _ in 0..<625 {
            #expect(joining.mayAdd(greedy))
            joining.add(greedy)
        }
        #expect(!joining.mayAdd(greedy) && joining.mayAdd(JoinOrigin("192.0.2.2")) && joining.total == 625)
        joining.remove(greedy)
        #expect(joining.mayAdd(greedy) && joining.total == 624)
        joining.remove(JoinOrigin("192.0.2.9"))
        #expect(joining.total == 624)
    }

    @Test func `where there are few places, a household still may come together`() {
        var joining = JoiningViewers(places: 100)
        let home = JoinOrigin("192.0.2.1")
        for _ in 0..<64 { joining.add(home) }
        #expect(!joining.mayAdd(home))
    }

    @Test func `a network of IPv6 counts as one address`() {
        #expect(JoinOrigin("2001:db8:1:2::1") == JoinOrigin("2001:db8:1:2:ffff::7"))
        #expect(JoinOrigin("2001:db8:1:2::1") != JoinOrigin("2001:db8:1:3::1"))
        #expect(JoinOrigin("::ffff:192.0.2.1") == JoinOrigin("192.0.2.1"))
        #expect(JoinOrigin("unknown") != JoinOrigin("nobody"))
    }
}
