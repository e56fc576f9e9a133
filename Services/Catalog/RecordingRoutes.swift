import HTTPServing

// `/api/v1/recordings`
extension CatalogRoutes {
    private struct RecordingInput: Decodable {
        var title: String?
    }

    func addRecordingRoutes(to router: HTTPRouter) {
        router.get("/api/v1/recordings", guarded(listRecordings))
        router.get("/api/v1/recordings/:id", guarded(showRecording))
        router.patch("/api/v1/recordings/:id", guarded(updateRecording))
        router.delete("/api/v1/recordings/:id", guarded(deleteRecording))
        router.post("/api/v1/recordings/:id/restore", guarded(restoreRecording))
    }

    private func listRecordings(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        .json(try await recordingPage(request, viewer))
    }

    func recordingPage(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPList<RecordingAnswer> {
        let page = try HTTPPage(request, sortedBy: "startedAt")
        let state = request.query("state")
        guard state.map(["recording", "complete", "failed"].contains) ?? true else {
            throw HTTPProblem(400, "invalid_state", "state is recording, complete or failed.")
        }
        let found = try await recordings.list(
            page,
            for: viewer,
            stream: request.query("stream"),
            state: state
        )
        let list = page.cut(found) { .init(time: $0.startedAt, identifier: $0.id) }
        let links = links(request)
        return list.map { RecordingAnswer($0, links: links) }
    }

    private func showRecording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        answer(try await recording(request, viewer), to: request)
    }

    /// The recording that the path names, where the viewer may see it.
    func recording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> CatalogRecording {
        guard let id = Self.identifier(request), let recording = try await recordings.find(id),
            viewer.maySee(recording.streamID)
        else { throw HTTPProblem.notFound }
        return recording
    }

    private func updateRecording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        guard let id = Self.identifier(request) else { throw HTTPProblem.notFound }
        let input = try await request.json(RecordingInput.self, upTo: Self.bodyLimit)
        guard let title = try input.title.map(Self.title) else {
            throw HTTPProblem(400, "nothing_to_change", "Give a title.")
        }
        let version = try Self.version(in: request)
        switch try await recordings.rename(id, to: title, ifVersion: version) {
        case .done(let recording): return answer(recording, to: request)
        case .changedMeanwhile: throw HTTPProblem.changedMeanwhile
        case .missing: throw HTTPProblem.notFound
        }
    }

    private func deleteRecording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        let recording = try await recording(request, viewer)
        guard recording.state != "recording" else {
            throw HTTPProblem(409, "still_recording", "It is still being recorded; end the stream first.")
        }
        guard try await recordings.delete(recording.id) else { throw HTTPProblem.notFound }
        return Self.deletion(recording.id, at: "/api/v1/recordings", undo: undo)
    }

    private func restoreRecording(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        guard let id = Self.identifier(request),
            let recording = try await recordings.restore(id, within: undo)
        else { throw HTTPProblem.notFound }
        return answer(recording, to: request)
    }

    private func answer(_ recording: CatalogRecording, to request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse.json(RecordingAnswer(recording, links: links(request)))
        response.headers["etag"] = Self.entityTag(recording.version)
        return response
    }
}
