import FoundationEssentials
import Hosting

/// Takes publishers' streams and writes them to the media bus.
@main
struct Main {
    static func main() async {
        await ServiceHost.run(
            "ingest",
            port: 8103,
            environment: ProcessInfo.processInfo.environment,
            settings: { IngestSettings(from: &$0) },
            services: { try IngestServices.make($0, $1) }
        )
    }
}
