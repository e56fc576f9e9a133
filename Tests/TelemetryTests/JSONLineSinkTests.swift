import Testing

@testable import Telemetry

@Suite struct JSONLineSinkTests {
    @Test func `writes one JSON object with the time and every field`() {
        let event = Logger.Event(
            level: .notice,
            message: "a \"word\"",
            fields: [("peer.address", "1\u{1}\n\\")]
        )
        let line = JSONLineSink.line(
            event,
            service: "ingest",
            seconds: 1_700_000_000,
            nanoseconds: 250_000_000
        )
        #expect(
            line == #"{"time":"2023-11-14T22:13:20.250Z","level":"notice","service":"ingest","#
                + #""message":"a \"word\"","peer.address":"1\u0001\n\\"}"# + "\n"
        )
    }

    @Test(arguments: [(951_782_400, "2000-02-29"), (4_107_542_399, "2100-02-28"), (0, "1970-01-01")])
    func `counts days as the calendar does`(seconds: Int64, day: String) {
        #expect(Timestamp.rfc3339(microseconds: seconds * 1_000_000).hasPrefix(day + "T"))
    }
}
