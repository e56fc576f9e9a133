import TestSupport

/// The descriptions that real peers wrote.
enum Offers {
    static let names = [
        "aiortc-publish", "aiortc-watch", "chromium-publish", "chromium-simulcast", "chromium-watch",
        "firefox-publish", "firefox-simulcast", "firefox-watch",
    ]

    static func text(_ name: String) throws -> String {
        try Fixtures.text("SDP/\(name).sdp")
    }
}
