import FoundationEssentials
import Glibc
import Hosting

@main
struct Main {
    static func main() async {
        // A writer on a closed connection is told by the call, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        await ServiceHost.run(
            "origin",
            port: 8104,
            environment: ProcessInfo.processInfo.environment,
            settings: OriginSettings.init(from:),
            services: OriginServices.make
        )
    }
}
