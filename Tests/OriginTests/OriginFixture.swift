import Contracts
import Foundation
import HTTPServing
import Lifecycle
import Media
import MediaBus
import Reactor
import Redis
import Sockets
import Telemetry
import TestSupport

@testable import Origin

/// An origin without bus and Redis: streams are fed to it by the test.
final class OriginFixture: Sendable {
    let folder: String
    let volume: Volume
    let directory: SessionDirectory
    let router = HTTPRouter()
    let grants = GrantRegistry()
    let loops = EventLoopGroup(count: 2, name: "test")
    let measures = OriginMeasures(MetricRegistry(service: "origin"))
    let budget: MemoryBudget
    let files = ExtentFiles()

    init(folder: String? = nil, control: RedisClient? = nil) throws {
        self.folder = try folder ?? TemporaryFolder.make("media").path
        volume = try Volume(root: self.folder, syncInterval: .milliseconds(50))
        directory = SessionDirectory(volume: volume)
        budget = MemoryBudget(byteLimit: 1 << 30, loop: loops.loops[0])
        LiveRoutes(
            directory: directory,
            files: files,
            grants: grants,
            measures: measures,
            movies: MovieStore(volume: volume, builds: measures.movieBuilds),
            renditions: RenditionService(loop: loops.loops[0], replica: "test"),
            proxy: OwnerProxy(
                directory: directory,
                control: control,
                client: HTTPClient(loops: loops),
                ownAddress: "self"
            )
        ).add(to: router)
    }

    /// Begins to own a stream, going on from what the volume has.
    func own(_ stream: SyntheticStream, layers: LayerSource? = nil) async -> StreamOwner {
        let folder = SessionFolder(
            root: folder,
            streamID: stream.description.streamId,
            sessionID: stream.description.sessionId
        )
        let stored = await volume.reading { folder.contents() }
        let session =
            stored.map { MediaSession.restored(from: $0, folder: folder.path, isEnded: false) }
            ?? MediaSession(
                description: stream.description,
                folder: folder.path,
                isRecording: stream.description.record
            )
        directory.setLive(session)
        budget.add()
        let directory = directory
        let owner = StreamOwner(
            session: session,
            description: stream.description,
            stored: stored,
            lease: nil,
            volume: volume,
            budget: budget,
            measures: measures,
            layers: layers,
            recordRetryDelay: .milliseconds(50),
            notify: { event in if case .ended = event { directory.retire(session) } }
        )
        owner.tracksChanged(stream.description, tracks: stream.configurations)
        return owner
    }

    /// Feeds a whole stream and waits until it is stored.
    func feedAll(_ stream: SyntheticStream) async -> MediaSession {
        let owner = await own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        await volume.drained()
        return owner.session
    }

    /// Answers a request without a socket.
    func get(
        _ path: String,
        query: [(name: String, value: String)] = [],
        headers: HTTPFields = [:]
    ) async -> HTTPResponse {
        let request = HTTPRequest(
            method: "GET",
            path: path,
            query: query,
            headers: headers,
            body: HTTPRequestBody(),
            peer: PeerAddress(host: "127.0.0.1", port: 1)
        )
        do {
            return try await router.respond(to: request)
        } catch let problem as HTTPProblem {
            return problem.response()
        } catch {
            return HTTPResponse(status: 500)
        }
    }

    /// Serves the routes on a free port while `body` runs.
    func serving(_ body: (_ base: String) async throws -> Void) async throws {
        let server = try HTTPServer(
            HTTPServer.Configuration(port: 0),
            router: router,
            loops: loops,
            logger: Logger(level: .error) { _ in },
            metrics: MetricRegistry(service: "test")
        )
        let shutdown = Shutdown()
        // Off the pool, whose few threads other tests may block for seconds.
        let task = Task(executorPreference: loops.loops[1]) { try await server.run(until: shutdown) }
        defer { task.cancel() }
        try await body("http://127.0.0.1:\(server.port)")
        shutdown.request()
        try await task.value
    }
}

extension HTTPResponse {
    /// The body as text, where it is in memory.
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The bytes in memory.
    var body: [UInt8] {
        switch content {
        case .bytes(let bytes): bytes
        case .pieces(let pieces):
            pieces.flatMap { piece -> [UInt8] in
                switch piece {
                case .bytes(let bytes): bytes
                case .file(let file, let offset, let count):
                    (try? FileSystem.read(file.rawDescriptor, offset: offset, count: Int(count))) ?? []
                }
            }
        default: []
        }
    }

    /// Whether any of the body comes from a file.
    var comesFromFile: Bool {
        guard case .pieces(let pieces) = content else { return false }
        return pieces.contains { piece in
            if case .file = piece { return true }
            return false
        }
    }
}
