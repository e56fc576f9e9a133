import SDP
import Testing

@Suite struct TrickleFragmentTests {
    private static let trickle = """
        a=ice-ufrag:EsAw\r
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r
        a=group:BUNDLE 0 1\r
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r
        a=mid:0\r
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r
        a=candidate:3471623853 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0\r
        a=candidate:1 1 sctp 1 192.0.2.1 9 typ host\r
        a=end-of-candidates\r

        """

    @Test func `candidates are read`() throws {
        let fragment = try TrickleFragment(Self.trickle)
        #expect(fragment.fragment == "EsAw")
        #expect(fragment.password == "P2uYro0UCOQ4zxjKXaWCBui1")
        #expect(fragment.candidates.count == 2)
        #expect(fragment.candidates[0].address == "192.0.2.1")
        #expect(fragment.candidates[0].port == 61764)
        #expect(fragment.candidates[1].tcpRole == .active)
        #expect(fragment.isComplete)
        #expect(fragment.section == .init(line: "audio 9 UDP/TLS/RTP/SAVPF 111", mid: "0"))
    }

    @Test func `what is written is read again`() throws {
        let fragment = TrickleFragment(
            fragment: "abcd",
            password: "0123456789012345678901",
            candidates: [Candidate(host: "2001:db8::1", port: 8189)],
            isComplete: true,
            section: .init(line: "video 9 UDP/TLS/RTP/SAVPF 96", mid: "v")
        )
        #expect(try TrickleFragment(fragment.text) == fragment)
    }

    @Test(arguments: [
        ("", TrickleFragment.Failure.empty), ("a=x\n", .empty), ("hello", .malformedLine(0)),
        ("a=ice-ufrag:a\n", .badCredentials), ("a=ice-ufrag:abcd\na=ice-pwd:short", .badCredentials),
    ])
    func `what says nothing is refused`(text: String, failure: TrickleFragment.Failure) {
        #expect(throws: failure) { try TrickleFragment(text) }
    }

    @Test func `a host with UDP comes before one with TCP`() {
        let udp = Candidate(host: "192.0.2.1", port: 1, preference: 9)
        let tcp = Candidate(host: "192.0.2.1", port: 1, tcpRole: .passive)
        #expect(udp.priority > tcp.priority)
        #expect(Candidate(tcp.value) == tcp)
        #expect(tcp.value.hasSuffix("typ host tcptype passive"))
    }
}
