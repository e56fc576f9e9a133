import Contracts
import HTTPServing

// The short addresses that scripts use; what a later version brings answers 501.
extension CatalogRoutes {
    private struct FileAnswer: Encodable {
        var name: String
        var path: String
        var size: Int
        var duration: Double
        var modifiedAt: String
    }

    private struct FileListAnswer: Encodable {
        var files: [FileAnswer]
        var next: Nullable<String>
    }

    func addAliasRoutes(to router: HTTPRouter) {
        router.get("/hls/:file", guarded(playlistOfName))
        router.get("/hls/:id/index.m3u8", guarded(playlistOfStream))
        router.get("/vod/recordings/:file", guarded(fileOfRecording))
        router.get("/api/files", guarded(listFiles))
        router.get("/api/videos", guarded { try await .json(recordingPage($0, $1)) })
        router.get("/api/video/:id") { request in
            Self.redirect(to: "/api/v1/recordings/\(request.parameters["id"].map(Self.plain) ?? "")")
        }
        for (method, pattern) in [
            ("GET", "/api/scan/status"), ("POST", "/api/stream/:id/start"), ("POST", "/api/stream/:id/stop"),
            ("POST", "/api/upload"), ("GET", "/thumbnails/:file"), ("GET", "/api/devices"),
            ("GET", "/stream/:device"), ("GET", "/runners"), ("GET", "/sources"),
            ("GET", "/api/v1/assets"), ("GET", "/api/v1/jobs"), ("GET", "/api/v1/webhooks"),
        ] {
            router.add(method, pattern) { _ in throw HTTPProblem.notYet }
        }
    }

    /// The name is the public one of a stream key; where no key has it, the slug.
    private func playlistOfName(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        guard let name = Self.stem(of: request.parameters["file"], ending: ".m3u8") else {
            throw HTTPProblem.notFound
        }
        var found = try await streams.find(keyName: name)
        if found == nil { found = try await streams.find(slug: name) }
        guard let stream = found, viewer.maySee(stream.id) else { throw HTTPProblem.notFound }
        return Self.redirect(to: Links.playlist(stream.id))
    }

    private func playlistOfStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        guard let id = Self.identifier(request), viewer.maySee(id), try await streams.find(id) != nil else {
            throw HTTPProblem.notFound
        }
        return Self.redirect(to: Links.playlist(id))
    }

    private func fileOfRecording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        var request = request
        request.parameters["id"] = Self.stem(of: request.parameters["file"], ending: ".mp4")
        let recording = try await recording(request, viewer)
        return Self.redirect(to: "/live/\(recording.streamID)/\(recording.sessionID)/file.mp4")
    }

    private func listFiles(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        let page = try await recordingPage(request, viewer)
        let files = page.items.map { recording in
            FileAnswer(
                name: "\(recording.id).mp4",
                path: "/vod/recordings/\(recording.id).mp4",
                size: recording.bytes,
                duration: recording.duration,
                modifiedAt: recording.endedAt.value ?? recording.startedAt
            )
        }
        return .json(FileListAnswer(files: files, next: Nullable(page.next)))
    }

    private static func redirect(to path: String) -> HTTPResponse {
        HTTPResponse(status: 302, headers: ["location": path, "cache-control": "no-store"])
    }

    private static func stem(of file: String?, ending: String) -> String? {
        guard let file, file.hasSuffix(ending) else { return nil }
        return String(file.dropLast(ending.count))
    }

    private static func plain(_ text: String) -> String { Identifier.isValid(text) ? text : "-" }
}

extension HTTPProblem {
    static let notYet = HTTPProblem(501, "not_available_yet", "A later version brings this.")
}
