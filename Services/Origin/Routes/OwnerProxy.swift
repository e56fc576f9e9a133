import Contracts
import HTTPServing
import Reactor
import Redis
import Synchronization
import Telemetry

/// Finds out who owns a stream that is live elsewhere, and passes requests on to that replica, once.
struct OwnerProxy: Sendable {
    func answer(_ request: HTTPRequest, streamID: String) async throws -> HTTPResponse? { nil }
}
