import HTTPServing

// `/api/v1/watch`: what stands behind the one link.
extension CatalogRoutes {
    /// The recordings that the watch page lists.
    private static let recordingLimit = 20

    func addWatchRoutes(to router: HTTPRouter) {
        router.get("/api/v1/watch/:slug", guarded(watch))
    }

    private func watch(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        guard let slug = request.parameters["slug"], let stream = try await streams.find(slug: slug),
            viewer.maySee(stream.id)
        else { throw HTTPProblem.notFound }
        let page = HTTPPage(limit: Self.recordingLimit)
        let found = try await recordings.list(page, for: viewer, stream: stream.id)
        let links = links(request)
        return .json(
            WatchAnswer(
                slug: stream.slug,
                title: stream.title,
                streamId: stream.id,
                state: stream.state,
                session: Nullable(stream.session.map(SessionAnswer.init)),
                hlsUrl: Links.playlist(stream.id),
                recordings: found.prefix(Self.recordingLimit).map { RecordingAnswer($0, links: links) }
            )
        )
    }
}
