import FoundationEssentials
import Hosting
import Reactor
import Telemetry

@main
struct Main {
    static func main() async {
        await ServiceHost.run(
            "auth",
            port: 8101,
            environment: ProcessInfo.processInfo.environment,
            settings: { AuthSettings(from: &$0) },
            services: { settings, host in
                let service = try AuthService(
                    settings,
                    loop: host.loops.next(),
                    logger: host.logger,
                    relayed: host.metrics.counter("events_relayed_total", "Events handed on to Redis.")
                )
                service.addRoutes(to: host)
                return service.services
            }
        )
    }
}
