import HTTPServing

extension LiveRoutes {
    func movieFile(_ request: HTTPRequest) async throws -> HTTPResponse {
        throw HTTPProblem(501, "not_implemented", "Being written.")
    }
}
