import HTTPServing

/// Keeps pages of other sites from acting with a cookie that the browser adds by itself.
enum SameOrigin {
    private static let safeMethods: Set<String> = ["GET", "HEAD", "OPTIONS"]

    /// Whether a request may use an ambient credential.
    ///
    /// It may if it changes nothing, or if a page of our own sent it; one that changes something and does not
    /// tell where it comes from may not.
    static func permits(_ method: String, _ headers: HTTPFields, site: String?) -> Bool {
        if safeMethods.contains(method) { return true }
        if let relation = headers["sec-fetch-site"] { return relation == "same-origin" }
        guard let origin = headers["origin"] else { return false }
        return isOurs(origin, headers, site: site)
    }

    private static func isOurs(_ origin: String, _ headers: HTTPFields, site: String?) -> Bool {
        if let site, origin == site { return true }
        guard let scheme = origin.firstRange(of: "://"), let host = headers["host"] else { return false }
        return origin[scheme.upperBound...].lowercased() == host.lowercased()
    }
}
