import ICE
import Testing

@Suite struct TransportAddressTests {
    @Test(arguments: [
        "127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:0:0:2",
        "1:2:3:4:5:6:7:8", "1::", "2001:db8:0:1:1:1:1:1",
    ])
    func `an address is written as it was read`(text: String) {
        #expect(IPAddress(text)?.description == text)
    }

    @Test func `IPv4 inside IPv6 is IPv4`() {
        #expect(IPAddress("::ffff:192.0.2.1") == .v4(0xc000_0201))
        #expect(IPAddress("64:ff9b::192.0.2.1")?.description == "64:ff9b::c000:201")
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", "+1.2.3.4", ":", ":::", "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "12345::", "g::", "+1::", "::1.2.3", "a.local", "1:2:3:4:5:6:7:1.2.3.4",
    ])
    func `what is no address is none`(text: String) {
        #expect(IPAddress(text) == nil)
    }
}
