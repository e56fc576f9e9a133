import FoundationEssentials
import Hosting
import Reactor

@main
struct Main {
    static func main() async {
        await ServiceHost.run(
            "catalog",
            port: 8102,
            environment: ProcessInfo.processInfo.environment,
            settings: { CatalogSettings(from: &$0) },
            services: { settings, host in
                let service = try CatalogService(
                    settings,
                    loop: host.loops.next(),
                    logger: host.logger,
                    metrics: host.metrics
                )
                service.addRoutes(to: host)
                return service.services
            }
        )
    }
}
