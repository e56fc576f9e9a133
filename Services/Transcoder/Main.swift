import FoundationEssentials
import Glibc
import Hosting

/// Makes renditions of live streams while somebody wants them.
@main
struct Main {
    static func main() async {
        // A writer on a closed connection is told by the call, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        await ServiceHost.run(
            "transcoder",
            port: 8106,
            environment: ProcessInfo.processInfo.environment,
            settings: { TranscoderSettings(from: &$0) },
            services: { try TranscoderServices.make($0, $1) }
        )
    }
}
