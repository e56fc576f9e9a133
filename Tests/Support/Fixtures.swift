import Foundation

/// The files under `Tests/Fixtures`; where each comes from is in `INDEX.md` there.
public enum Fixtures {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures")

    /// What the file at `path` holds, like `RTP/gstreamer-vp9.rtp`.
    public static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: path)))
    }

    /// What the text file at `path` holds.
    public static func text(_ path: String) throws -> String {
        try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }
}
