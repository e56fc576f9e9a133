import HLS
import Telemetry
import CPlatform
import HTTPServing
import Media
import MediaBus
import Reactor
import TestSupport
import Testing

@testable import Origin

@Suite struct ManyClientsTests {
    static let clientCount = 1000

    @Test func `a newest segment is read from memory, and from its file once, however many ask`() async throws
    {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 10, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        let segments = owner.session.read { $0.timelines[TrackID(rawValue: 0)]?.segments ?? [] }
        let newest = try #require(segments.last { $0.isComplete && $0.isStored }?.mediaSequence)
        func askAll() async -> [HTTPResponse] {
            await withTaskGroup(of: HTTPResponse.self) { group in
                for _ in 0..<200 {
                    group.addTask { await fixture.get("\(LiveRoutesTests.session)/0/\(newest).m4s") }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        let live = await askAll()
        #expect(live.allSatisfy { $0.status == 200 && $0.headers["x-accel-expires"] == "0" })
        #expect(live.allSatisfy { !$0.comesFromFile })
        #expect(fixture.files.counts == (0, 0))
        let body = try #require(live.first?.body)
        #expect(live.allSatisfy { $0.body == body })
        // Where memory is short they all send from one descriptor, and no byte of it is held for any of them.
        owner.session.evict(downTo: 0)
        let stored = await askAll()
        #expect(stored.allSatisfy { $0.comesFromFile && $0.body == body })
        #expect(fixture.files.counts.opened == 1)
    }

    @Test func `a thousand blocked clients are all answered by one part, soon and from one rendering`()
        async throws
    {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5, withEnd: false, sound: false)
        let owner = await fixture.own(stream)
        for item in stream.entries[..<100] { owner.receive(item.entry, id: item.id) }
        let edge = owner.session.read { $0.timelines[TrackID(rawValue: 0)]?.edge }
        let (number, part) = (edge?.growingMediaSequence ?? 0, edge?.growingPartCount ?? 0)
        let clients = EventLoopGroup(count: 1, name: "clients")
        let client = HTTPClient(loops: clients)
        let wanted = "\(number).\(part).m4s"
        try await fixture.serving { base in
            let url = "\(base)\(LiveRoutesTests.session)/0/live.m3u8?_HLS_msn=\(number)&_HLS_part=\(part)"
            let memory = cplatform_resident_bytes()
            let published: UInt64 = try await withThrowingTaskGroup(of: UInt64.self) { group in
                for _ in 0..<Self.clientCount {
                    group.addTask {
                        let answer = try await client.request("GET", url)
                        let text = String(
                            decoding: try await answer.body.collect(upTo: 1 << 20),
                            as: UTF8.self
                        )
                        #expect(text.contains(wanted))
                        return EventLoop.now
                    }
                }
                try await fixture.wait { fixture.measures.heldRequests.current >= Self.clientCount }
                // Server and clients together, one connection each.
                #expect(cplatform_resident_bytes() - memory < 120 << 20)
                let start = EventLoop.now
                for item in stream.entries[100...]
                where owner.session.read({ $0.timelines[TrackID(rawValue: 0)]?.edge }) == edge {
                    owner.receive(item.entry, id: item.id)
                }
                var last: UInt64 = 0
                for try await time in group { last = max(last, time) }
                return last - start
            }
            // The bench measures the product's own limit, on a machine with nothing else to do.
            #expect(published < 5_000_000_000)
        }
        clients.stop()
    }
}
