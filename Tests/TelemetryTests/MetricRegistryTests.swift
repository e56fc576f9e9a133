import Telemetry
import Testing

@Suite struct MetricRegistryTests {
    private enum Outcome: String, CaseIterable { case won, lost }

    @Test func `writes every kind in Prometheus' text format`() {
        let registry = MetricRegistry(service: "test")
        registry.counters("races_total", "Races.", by: "outcome", Outcome.self)[.won].increment(by: 2)
        registry.gauge("depth", "Depth.").set(-3)
        registry.reading("share", "Share.") { 0.5 }
        let histogram = registry.histogram("wait_seconds", "Waits.", bounds: [0.1, 1])
        histogram.observe(0.05)
        histogram.observe(.seconds(5))
        #expect(
            registry.prometheusText == """
                # HELP test_depth Depth.
                # TYPE test_depth gauge
                test_depth -3
                # HELP test_races_total Races.
                # TYPE test_races_total counter
                test_races_total{outcome="won"} 2
                test_races_total{outcome="lost"} 0
                # HELP test_share Share.
                # TYPE test_share gauge
                test_share 0.5
                # HELP test_wait_seconds Waits.
                # TYPE test_wait_seconds histogram
                test_wait_seconds_bucket{le="0.1"} 1
                test_wait_seconds_bucket{le="1.0"} 1
                test_wait_seconds_bucket{le="+Inf"} 2
                test_wait_seconds_sum 5.05
                test_wait_seconds_count 2

                """
        )
    }

    @Test func `gives the same metric for the same name`() {
        let registry = MetricRegistry(service: "test")
        registry.counter("events_total", "Events.").increment()
        #expect(registry.counter("events_total", "Events.").current == 1)
    }
}
