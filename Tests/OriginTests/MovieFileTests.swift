import Foundation
import HTTPServing
import MediaBus
import Telemetry
import TestSupport
import Testing

@testable import Origin

@Suite struct MovieFileTests {
    static let path = "\(LiveRoutesTests.session)/file.mp4"

    @Test func `ffmpeg decodes every frame of the file, ranges included, and it begins at zero`() async throws
    {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 6)
        _ = await fixture.feedAll(stream)
        try await fixture.serving { base in
            let decoded = try await ExternalTool.succeedOnThread(
                "ffmpeg",
                ["-v", "warning", "-i", "\(base)\(Self.path)", "-map", "0:v", "-f", "framemd5", "-"]
            )
            #expect(decoded.errors == "")
            #expect(decoded.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count == 180)
            let facts = try await ExternalTool.succeedOnThread(
                "ffprobe",
                [
                    "-v", "error", "-show_entries", "format=start_time,duration", "-of", "csv=p=0",
                    "\(base)\(Self.path)",
                ]
            )
            let values = facts.text.split(separator: ",").compactMap { Double($0) }
            #expect(abs(values[0]) < 0.07 && abs(values[1] - 6) < 0.1)
        }
        let answer = await fixture.get(Self.path)
        #expect(answer.headers["etag"] != nil)
        #expect(answer.headers["content-disposition"] == "inline; filename=\"test-2026-01-02.mp4\"")
        #expect(answer.comesFromFile)
        // Nothing is copied: what is in memory is the head alone.
        guard case .pieces(let pieces) = answer.content else { return }
        let inMemory = pieces.reduce(0) { total, piece in
            if case .bytes(let bytes) = piece { return total + bytes.count }
            return total
        }
        #expect(inMemory < 12_000)
    }

    @Test func `while live it is a redirect to a snapshot that stays as it is`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries[..<220] { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        let redirect = await fixture.get(Self.path)
        #expect(redirect.status == 302)
        #expect(redirect.headers["location"] == "file.mp4?through=0")
        let before = await fixture.get(Self.path, query: [("through", "0")])
        for item in stream.entries[220...] { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        let after = await fixture.get(Self.path, query: [("through", "0")])
        #expect(before.status == 200)
        #expect(before.body == after.body)
        #expect(before.headers["etag"] == after.headers["etag"])
        #expect(await fixture.get(Self.path).headers["location"] == "file.mp4?through=1")
    }

    /// Keeps the reading thread busy until it is let go.
    private func holdReading(of volume: Volume) -> DispatchSemaphore {
        let isHeld = DispatchSemaphore(value: 0)
        volume.read { isHeld.wait() }
        return isHeld
    }

    @Test func `is made once for all viewers who open it together, and again for nobody`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 4))
        let reading = holdReading(of: fixture.volume)
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<8 { group.addTask { await fixture.get(Self.path).body } }
            try await eventually("one is begun") { fixture.measures.movieBuilds.current > 0 }
            reading.signal()
            var bodies: Set<[UInt8]> = []
            for try await body in group { bodies.insert(body) }
            #expect(bodies.count == 1 && bodies.first?.isEmpty == false)
        }
        #expect(await fixture.get(Self.path).status == 200)
        #expect(fixture.measures.movieBuilds.current == 1)
    }

    @Test func `who asks for one view after the other is told to come again`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 4))
        let reading = holdReading(of: fixture.volume)
        let runs = 0..<2 * MovieStore.buildLimit
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for run in runs {
                group.addTask {
                    let answer = await fixture.get(Self.path, query: [("run", "\(run)")])
                    if answer.status == 503 { #expect(answer.headers["retry-after"] == "1") }
                    return answer.status
                }
            }
            var statuses: [Int] = []
            while statuses.count < runs.count, let status = try await group.next() {
                statuses.append(status)
                if statuses.count == runs.count - MovieStore.buildLimit { reading.signal() }
            }
            return statuses
        }
        #expect(statuses.prefix(MovieStore.buildLimit).allSatisfy { $0 == 503 })
        #expect(!statuses.dropFirst(MovieStore.buildLimit).contains(503))
        #expect(fixture.measures.movieBuilds.current == UInt64(MovieStore.buildLimit))
        #expect(await fixture.get(Self.path).status == 200)
    }

    @Test(arguments: ["99", "-1", "x", "4294967296"])
    func `absurd snapshots are refused`(through: String) async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let status = await fixture.get(Self.path, query: [("through", through)]).status
        #expect(status == 400 || status == 404)
        #expect(await fixture.get(Self.path, query: [("run", "7")]).status == 404)
    }
}
