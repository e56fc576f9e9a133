import HTTPServing
import Sockets
import Testing

@testable import WebRTCSignalling

struct PendingOffersTests {
    @Test func `one address has an eighth of the places until its peers connect, others have theirs`() {
        var offers = PendingOffers(places: 5000)
        let greedy = OfferOrigin("192.0.2.1")
        for _ in 0..<625 {
            #expect(offers.mayAdd(greedy))
            offers.add(greedy)
        }
        #expect(!offers.mayAdd(greedy) && offers.mayAdd(OfferOrigin("192.0.2.2")) && offers.total == 625)
        offers.remove(greedy)
        #expect(offers.mayAdd(greedy) && offers.total == 624)
        offers.remove(OfferOrigin("192.0.2.9"))
        #expect(offers.total == 624)
    }

    @Test func `where there are few places, a household still may come together`() {
        var offers = PendingOffers(places: 100)
        let home = OfferOrigin("192.0.2.1")
        for _ in 0..<64 { offers.add(home) }
        #expect(!offers.mayAdd(home))
    }

    @Test func `a network of IPv6 counts as one address`() {
        #expect(OfferOrigin("2001:db8:1:2::1") == OfferOrigin("2001:db8:1:2:ffff::7"))
        #expect(OfferOrigin("2001:db8:1:2::1") != OfferOrigin("2001:db8:1:3::1"))
        #expect(OfferOrigin("::ffff:192.0.2.1") == OfferOrigin("192.0.2.1"))
        #expect(OfferOrigin("unknown") != OfferOrigin("nobody"))
    }

    @Test func `the gateway's word goes before the address of the connection`() {
        let peer = PeerAddress(host: "127.0.0.1", port: 1)
        func request(_ headers: HTTPFields) -> HTTPRequest {
            HTTPRequest(
                method: "POST",
                path: "/",
                headers: headers,
                body: HTTPRequestBody(bytes: []),
                peer: peer
            )
        }
        #expect(OfferOrigin(of: request(["x-forwarded-for": "192.0.2.1"])) == OfferOrigin("192.0.2.1"))
        #expect(OfferOrigin(of: request([:])) == OfferOrigin("127.0.0.1"))
    }
}
