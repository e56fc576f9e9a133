import Media
import RTMP
import TestSupport
import Testing

@testable import Ingest

@Suite struct LimitsTests {
    private static let handshake = [3] + [UInt8](repeating: 0, count: 2 * 1536)

    @Test func `a publisher above the bit rate is ended and told why`() async throws {
        try await IngestHarness.run({ $0.publisher.bitRate = 100_000 }) { harness in
            let publisher = try Publisher(harness.url(), size: "640x360")
            #expect(try await publisher.complaints().contains("kbit/s is more than the server takes."))
            try await eventually("the session waits for a publisher") {
                harness.received.contents.flags.contains(.publisherAway)
            }
            #expect(harness.received.contents.samples.count > 60)
        }
    }

    @Test func `a client that never asks to publish is closed`() async throws {
        try await IngestHarness.run({ $0.session.publishTimeout = .seconds(1) }) { harness in
            let client = try RawClient(port: harness.server.port)
            client.send(Self.handshake)
            try await eventually("it is closed", within: .seconds(5)) { client.isClosed }
        }
    }
}
