import Foundation
import HTTPServing
import Media
import MediaBus
import Reactor
import Synchronization
import Testing

@testable import Origin

@Suite struct FeedTests {
    struct Frame: Equatable {
        var kind: UInt8
        var isIndependent: Bool
        var track: UInt16
        var mediaSequence: UInt32
        var part: UInt16
        var generation: UInt16
        var payload: [UInt8]
    }

    /// What a client has received.
    final class Client: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        func receive(_ pieces: [HTTPResponse.Piece]) {
            let body = HTTPResponse(content: .pieces(pieces)).body
            bytes.withLock { $0 += body }
        }

        var frames: [Frame] {
            var rest = bytes.withLock { $0 }[...]
            var frames: [Frame] = []
            func little(_ offset: Int, _ count: Int) -> Int {
                (0..<count).reduce(0) { $0 | Int(rest[rest.startIndex + offset + $1]) << (8 * $1) }
            }
            while rest.count >= 16 {
                let length = little(0, 4) + 4
                guard rest.count >= length else { break }
                frames.append(
                    Frame(
                        kind: UInt8(little(4, 1)),
                        isIndependent: little(5, 1) & 1 == 1,
                        track: UInt16(little(6, 2)),
                        mediaSequence: UInt32(little(8, 4)),
                        part: UInt16(little(12, 2)),
                        generation: UInt16(little(14, 2)),
                        payload: Array(rest.dropFirst(16).prefix(length - 16))
                    )
                )
                rest = rest.dropFirst(length)
            }
            return frames
        }
    }

    static let path = "\(LiveRoutesTests.session)/feed"

    /// Opens a feed and returns the frames it had sent when it ended.
    static func frames(
        of response: HTTPResponse,
        while body: @Sendable (Client) async throws -> Void
    ) async throws -> [Frame] {
        let client = Client()
        guard case .stream(let send) = response.content else { return [] }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await send(HTTPBodyWriter { client.receive($0) }) }
            try await body(client)
            try await group.waitForAll()
        }
        return client.frames
    }

    @Test func `begins with the tracks, the init segments and the newest keyframe`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5)
        let owner = await fixture.own(stream)
        for item in stream.entries[..<250] { owner.receive(item.entry, id: item.id) }
        let before = stream.parts().filter { $0.head.position.counter <= 250 }
        let frames = try await Self.frames(of: await fixture.get(Self.path)) { client in
            try await fixture.wait { client.frames.count >= 4 }
            for item in stream.entries[250...] { owner.receive(item.entry, id: item.id) }
        }
        #expect(frames.prefix(3).map(\.kind) == [9, 1, 1])
        let facts = try #require(
            try JSONSerialization.jsonObject(with: Data(frames[0].payload)) as? [String: Any]
        )
        #expect(facts["sessionId"] as? String == SyntheticStream.sessionID)
        #expect((facts["tracks"] as? [[String: Any]])?.count == 2)
        let video = frames.filter { $0.kind == 2 && $0.track == 0 }
        let keyframe = before.last { $0.head.track.rawValue == 0 && $0.head.flags.contains(.independent) }
        #expect(video.first?.isIndependent == true)
        #expect(
            video.first.map { PartID(mediaSequence: $0.mediaSequence, part: $0.part) } == keyframe?.head.id
        )
        let expected = stream.parts().filter {
            $0.head.track.rawValue == 0 && $0.head.id >= keyframe?.head.id ?? $0.head.id
        }
        #expect(video.map(\.payload) == expected.map(\.bytes))
        #expect(frames.last?.kind == 5)
        #expect(!frames.contains { $0.kind == 3 })
    }

    @Test func `goes on where a lost connection left off, with the tracks that are wanted`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5)
        _ = await fixture.feedAll(stream)
        let response = await fixture.get(Self.path, query: [("from", "1.2"), ("tracks", "0")])
        let frames = try await Self.frames(of: response) { _ in }
        let parts = frames.filter { $0.kind == 2 }
        #expect(Set(parts.map(\.track)) == [0])
        #expect(
            parts.first.map { PartID(mediaSequence: $0.mediaSequence, part: $0.part) }
                == PartID(mediaSequence: 1, part: 2)
        )
        #expect(frames.filter { $0.kind == 1 }.count == 1)
    }

    @Test func `tells of a publisher that goes and comes back`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 3)
        let owner = await fixture.own(stream)
        for item in stream.entries[..<100] { owner.receive(item.entry, id: item.id) }
        let frames = try await Self.frames(of: await fixture.get(Self.path)) { client in
            try await fixture.wait { client.frames.count >= 4 }
            owner.session.setAway(true)
            owner.session.setAway(false)
            owner.session.end()
        }
        #expect(frames.suffix(3).map(\.kind) == [6, 7, 5])
    }

    @Test func `a revoked grant closes it`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 3, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        let response = await fixture.get(Self.path, headers: ["x-martlet-grant": "g0,g1"])
        let frames = try await Self.frames(of: response) { client in
            try await fixture.wait { client.frames.count >= 4 }
            #expect(fixture.grants.revoke("g2") == 0)
            #expect(fixture.grants.revoke("g1") == 1)
        }
        #expect(frames.last?.kind != 5)
    }

    @Test func `a grant that is revoked while a feed is being opened opens none`() async throws {
        let grants = GrantRegistry()
        grants.revoke("g1")
        await #expect(throws: GrantRegistry.Revoked.self) {
            try await grants.holding(["g0", "g1"]) { Issue.record("nothing may be sent") }
        }
        grants.revokeAll()
        try await confirmation { sent in try await grants.holding(["g2"]) { sent() } }
    }

    @Test(arguments: [
        ("from", "x"), ("from", "1"), ("from", "99.0"), ("from", "-1.0"), ("tracks", "a"), ("tracks", "0,,1"),
        ("picture", "x"),
    ])
    func `malformed wishes are refused`(name: String, value: String) async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        #expect(await fixture.get(Self.path, query: [(name, value)]).status == (value == "0,,1" ? 200 : 400))
    }
}
