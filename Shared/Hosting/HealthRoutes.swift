import HTTPServing
import Reactor
import Telemetry

/// The routes that say how a service is: `/healthz`, `/readyz`, `/metrics` and `/api/v1/time`.
struct HealthRoutes: Sendable {
    private struct Report: Encodable {
        var status: String
        var dependencies: [String: String]
    }

    private struct Clock: Encodable {
        var now: String
        var unixMs: Int64
    }

    /// How long a dependency may take to answer before it counts as missing.
    private static let checkLimit = Duration.seconds(2)

    let readiness: Readiness
    let metrics: MetricRegistry
    let loop: EventLoop

    func add(to router: HTTPRouter) {
        router.get("/healthz") { _ in Self.uncached(.json(Report(status: "alive", dependencies: [:]))) }
        router.get("/readyz") { _ in await ready() }
        router.get("/metrics") { _ in
            Self.uncached(
                .text(metrics.prometheusText, contentType: "text/plain; version=0.0.4; charset=utf-8")
            )
        }
        router.get("/api/v1/time") { _ in
            let now = Timestamp.nowMicroseconds
            return Self.uncached(.json(Clock(now: Timestamp.rfc3339(microseconds: now), unixMs: now / 1000)))
        }
    }

    private func ready() async -> HTTPResponse {
        var dependencies: [String: String] = [:]
        for (name, check) in readiness.all { dependencies[name] = await answers(check) ? "ready" : "missing" }
        let isReady = !dependencies.values.contains("missing")
        let report = Report(status: isReady ? "ready" : "not ready", dependencies: dependencies)
        return Self.uncached(.json(report, status: isReady ? 200 : 503))
    }

    private func answers(_ check: @escaping Readiness.Check) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await check() }
            group.addTask {
                try? await loop.sleep(for: Self.checkLimit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private static func uncached(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers["cache-control"] = "no-store"
        return response
    }
}
