import Contracts
import FoundationEssentials
import Testing

@Suite struct SessionDescriptionTests {
    private let description = SessionDescription(
        streamId: "stream",
        sessionId: "session",
        epoch: 3,
        slug: "main",
        title: "Main",
        startedAt: "2026-01-01T00:00:00Z",
        publisher: .init(protocol: "whip", encoder: "Chromium", address: "::1")
    )

    @Test func `a description without layers says nothing of layers`() throws {
        let json = try JSONEncoder().encode(description)
        #expect(!String(decoding: json, as: UTF8.self).contains("layers"))
        #expect(try JSONDecoder().decode(SessionDescription.self, from: json) == description)
    }

    @Test func `layers survive their JSON, the best one first and without a rendition`() throws {
        var description = description
        description.layers = [
            .init(rid: "h", rendition: nil, width: 1280, height: 720, bitrate: 2_500_000),
            .init(rid: "l", rendition: "r-l", width: 320, height: 180, bitrate: 150_000),
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try encoder.encode(description)
        let best = #"{"bitrate":2500000,"height":720,"rid":"h","width":1280}"#
        let other = #"{"bitrate":150000,"height":180,"rendition":"r-l","rid":"l","width":320}"#
        #expect(String(decoding: json, as: UTF8.self).contains(#""layers":[\#(best),\#(other)]"#))
        #expect(try JSONDecoder().decode(SessionDescription.self, from: json) == description)
    }
}
