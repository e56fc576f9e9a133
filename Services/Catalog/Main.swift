import Configuration
import FoundationEssentials
import Hosting

@main
struct Main {
    static func main() async {
        await ServiceHost.run(
            "catalog",
            port: 8102,
            environment: ProcessInfo.processInfo.environment,
            settings: { _ in },
            services: { _, _ in [] }
        )
    }
}
