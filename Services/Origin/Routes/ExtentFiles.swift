import HTTPServing
import Synchronization

/// The extents that responses are being sent from, opened once however many viewers there are.
final class ExtentFiles: Sendable {
    private struct Entry {
        var file: OpenFile
        var lastUse: UInt64
    }

    private struct State {
        var files: [String: Entry] = [:]
        var uses: UInt64 = 0
        var opened = 0
    }

    /// Descriptors that are kept open; beyond it the least used is closed after its last response.
    static let limit = 512

    private let state = Mutex(State())

    /// The times that a file was opened, and that an extent was asked for.
    var counts: (opened: Int, used: UInt64) { state.withLock { ($0.opened, $0.uses) } }

    /// The open file of an extent's data, or `nil` where it cannot be opened.
    func file(of extent: ExtentName, in folder: String) -> OpenFile? {
        let path = "\(folder)/\(extent.file(.data))"
        return state.withLock { state in
            state.uses &+= 1
            let uses = state.uses
            if state.files[path] != nil {
                state.files[path]?.lastUse = uses
                return state.files[path]?.file
            }
            guard let file = try? OpenFile(path: path) else { return nil }
            state.opened += 1
            state.files[path] = Entry(file: file, lastUse: uses)
            if state.files.count > Self.limit,
                let oldest = state.files.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            {
                state.files[oldest] = nil
            }
            return file
        }
    }

    /// The pieces of a response that sends `ranges`, or `nil` where a file is missing.
    func pieces(of ranges: [StoredRange], in folder: String) -> [HTTPResponse.Piece]? {
        var pieces: [HTTPResponse.Piece] = []
        for range in ranges {
            guard let file = file(of: range.extent, in: folder) else { return nil }
            pieces.append(
                .file(file, offset: Int64(clamping: range.offset), count: Int64(clamping: range.byteCount))
            )
        }
        return pieces
    }

    /// The piece of one part: from memory where it is there, else from its file.
    func piece(of media: PartMedia, in folder: String) -> HTTPResponse.Piece? {
        if let bytes = media.bytes { return .bytes(bytes) }
        return media.range.flatMap { pieces(of: [$0], in: folder)?.first }
    }
}
