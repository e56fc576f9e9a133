import Crypto
import ICE
import Sockets

/// The descriptions that a peer sends and gets, as far as it needs them.
enum SessionText {
    /// What the other side's description says.
    struct Description {
        var fragment: String
        var password: String
        var fingerprint: CertificateFingerprint
        var server: DatagramAddress
        /// The name of the first media section.
        var mediaID: String
        /// Whether the other side makes checks of its own and chooses the way, since it offers.
        var isInControl = false

        /// The same address as ICE writes it.
        var serverAddress: TransportAddress {
            TransportAddress(.v4(UInt32(truncatingIfNeeded: server.low)), port: server.port)
        }
    }

    static let videoType: UInt8 = 102
    private static let repairType: UInt8 = 103
    private static let audioType: UInt8 = 111
    /// The header extension that numbers packets (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
    static let numberID: UInt8 = 3
    /// The header extension that names the media section (RFC 9143 §15).
    static let mediaNameID: UInt8 = 4

    static func offer(
        _ viewer: LoadPeer,
        fingerprint: CertificateFingerprint,
        videoOnly: Bool,
        browser: Bool
    ) -> String {
        let transport = [
            "c=IN IP4 0.0.0.0", "a=recvonly", "a=rtcp-mux", "a=ice-ufrag:\(viewer.fragment)",
            "a=ice-pwd:\(viewer.password)", "a=fingerprint:sha-256 \(fingerprint)", "a=setup:actpass",
        ]
        var lines = [
            "v=0", "o=- \(viewer.number + 1) 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
            videoOnly ? "a=group:BUNDLE 0" : "a=group:BUNDLE 0 1",
            "m=video 9 UDP/TLS/RTP/SAVPF \(videoType)\(browser ? " \(repairType)" : "")", "a=mid:0",
            "a=rtpmap:\(videoType) H264/90000",
            "a=fmtp:\(videoType) level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            "a=rtcp-fb:\(videoType) nack", "a=rtcp-fb:\(videoType) nack pli",
        ]
        if browser { lines += browserLines }
        lines += transport
        if !videoOnly {
            lines += ["m=audio 9 UDP/TLS/RTP/SAVPF \(audioType)", "a=mid:1"]
            lines += ["a=rtpmap:\(audioType) opus/48000/2"] + transport
            if browser { lines += ["a=rtcp-fb:\(audioType) transport-cc"] + extensions }
        }
        return lines.map { $0 + "\r\n" }.joined()
    }

    /// The offer of a publisher of pictures, which numbers its packets as browsers do.
    static func publication(
        _ publisher: LoadPeer,
        ssrc: UInt32,
        fingerprint: CertificateFingerprint
    ) -> String {
        [
            "v=0", "o=- \(publisher.number + 1) 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
            "m=video 9 UDP/TLS/RTP/SAVPF \(videoType)", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly",
            "a=rtcp-mux",
            "a=ice-ufrag:\(publisher.fragment)", "a=ice-pwd:\(publisher.password)",
            "a=fingerprint:sha-256 \(fingerprint)", "a=setup:actpass", "a=rtpmap:\(videoType) H264/90000",
            "a=fmtp:\(videoType) level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            "a=rtcp-fb:\(videoType) nack", "a=rtcp-fb:\(videoType) nack pli",
            "a=rtcp-fb:\(videoType) transport-cc",
            "a=ssrc:\(ssrc) cname:load",
            extensions.joined(separator: "\r\n"),
        ]
        .map { $0 + "\r\n" }.joined()
    }

    /// What Chromium offers beside, as far as anything is made of it.
    private static let browserLines =
        [
            "a=rtcp-fb:\(videoType) ccm fir", "a=rtcp-fb:\(videoType) goog-remb",
            "a=rtcp-fb:\(videoType) transport-cc", "a=rtpmap:\(repairType) rtx/90000",
            "a=fmtp:\(repairType) apt=\(videoType)",
            "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        ] + extensions

    private static let extensions = [
        "a=extmap:\(numberID) http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:\(mediaNameID) urn:ietf:params:rtp-hdrext:sdes:mid",
    ]

    /// The answer to a server that offers one video section, as the side that begins the handshake.
    static func answer(
        _ viewer: LoadPeer,
        to offer: Description,
        fingerprint: CertificateFingerprint
    ) -> String {
        [
            "v=0", "o=- \(viewer.number + 1) 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
            "a=group:BUNDLE \(offer.mediaID)",
            "m=video 9 UDP/TLS/RTP/SAVPF \(videoType)", "c=IN IP4 0.0.0.0", "a=mid:\(offer.mediaID)",
            "a=recvonly",
            "a=rtcp-mux", "a=ice-ufrag:\(viewer.fragment)", "a=ice-pwd:\(viewer.password)",
            "a=fingerprint:sha-256 \(fingerprint)", "a=setup:active",
            "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host", "a=end-of-candidates",
            "a=rtpmap:\(videoType) H264/90000",
            "a=fmtp:\(videoType) packetization-mode=1;profile-level-id=42e01f",
        ].map { $0 + "\r\n" }.joined()
    }

    static func description(_ text: String) -> Description? {
        var values: [Substring: Substring] = [:]
        var servers: [DatagramAddress] = []
        for line in text.split(whereSeparator: \.isNewline) {
            guard line.hasPrefix("a="), let colon = line.firstIndex(of: ":") else { continue }
            let (name, value) = (
                line[line.index(line.startIndex, offsetBy: 2)..<colon], line[line.index(after: colon)...]
            )
            if values[name] == nil { values[name] = value }
            if name == "candidate", let server = candidate(value) { servers.append(server) }
        }
        guard let fragment = values["ice-ufrag"], let password = values["ice-pwd"],
            let fingerprint = values["fingerprint"]?.split(separator: " ").last.flatMap({
                CertificateFingerprint($0)
            }),
            let server = servers.first
        else { return nil }
        return Description(
            fragment: String(fragment),
            password: String(password),
            fingerprint: fingerprint,
            server: server,
            mediaID: values["mid"].map(String.init) ?? "0"
        )
    }

    private static func candidate(_ value: Substring) -> DatagramAddress? {
        let fields = value.split(separator: " ")
        guard fields.count >= 6, fields[2].lowercased() == "udp", let port = UInt16(fields[5]) else {
            return nil
        }
        let parts = fields[4].split(separator: ".").compactMap { UInt32($0) }
        guard parts.count == 4 else { return nil }
        return DatagramAddress(v4: parts.reduce(0) { $0 << 8 | $1 & 255 }, port: port)
    }
}
