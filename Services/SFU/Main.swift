import FoundationEssentials
import Glibc
import Hosting

@main
struct Main {
    static func main() async {
        // A writer on a closed connection is told by the call, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        await ServiceHost.run(
            "sfu",
            port: 8105,
            environment: ProcessInfo.processInfo.environment,
            settings: SFUSettings.init(from:),
            services: SFUServices.make
        )
    }
}
