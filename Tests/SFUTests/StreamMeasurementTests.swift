import Foundation
import TestSupport
import Testing

@testable import SFU

@Suite struct StreamMeasurementTests {
    private static func viewer(_ number: Int, loss: Double, why: String = "playing") -> ViewerSummary {
        ViewerSummary(
            id: "0-\(number)",
            why: why,
            bitrate: 1000,
            roundTrip: number.isMultiple(of: 2) ? 0.02 : nil,
            loss: loss,
            freezes: 1,
            freezeSeconds: 0.5
        )
    }

    @Test func `the worst are told of one by one and the others together, in whatever order they come`()
        throws
    {
        var random = SeededGenerator(seed: 7)
        let viewers = (0..<100).map { Self.viewer($0, loss: Double($0) / 1000) }
        var halves = [StreamMeasurement(), StreamMeasurement()]
        for (index, viewer) in viewers.shuffled(using: &random).enumerated() { halves[index % 2].add(viewer) }
        halves[0].add(halves[1])
        let all = halves[0]
        #expect(all.count == 100 && all.items.count == StreamMeasurement.itemLimit)
        let worst = all.items.map(\.id)
        #expect(worst.first == "0-99" || worst.first == "0-98")
        #expect(Set(worst).isSuperset(of: ["0-99", "0-98", "0-97", "0-96"]))
        let rest = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(all.rest)) as? [String: Double]
        )
        #expect(rest["count"] == 80 && rest["bitrate"] == 80_000 && rest["freezes"] == 80)
        #expect(abs((rest["roundTrip"] ?? 0) - 0.02) < 1e-9 && (rest["loss"] ?? 1) < 0.08)
    }

    @Test func `standing pictures come before trouble, and trouble before loss`() {
        var measurement = StreamMeasurement()
        var frozen = Self.viewer(1, loss: 0)
        frozen.isFrozen = true
        for viewer in [Self.viewer(2, loss: 0.04), Self.viewer(3, loss: 0, why: "no_reports"), frozen] {
            measurement.add(viewer)
        }
        #expect(measurement.items.map(\.id) == ["0-1", "0-3", "0-2"])
    }

    @Test func `nobody is no mean`() throws {
        let rest = String(decoding: try JSONEncoder().encode(StreamMeasurement.Rest()), as: UTF8.self)
        #expect(rest.contains("\"count\":0") && rest.contains("\"loss\":0") && !rest.contains("roundTrip"))
    }
}
