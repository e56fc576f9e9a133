import Foundation

/// The descriptions that real peers wrote.
enum Offers {
    static let names = [
        "aiortc-publish", "aiortc-watch", "chromium-publish", "chromium-simulcast", "chromium-watch",
        "firefox-publish", "firefox-simulcast", "firefox-watch",
    ]

    static func text(_ name: String) throws -> String {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try String(
            contentsOf: folder.appendingPathComponent("Fixtures/SDP/\(name).sdp"),
            encoding: .utf8
        )
    }
}
