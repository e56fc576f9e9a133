import Bytes
import FuzzDriver
import HLS

/// Reads any three lines as the directives of a reload, and asks edges of all kinds for their verdict.
@main enum FuzzReloadRequests {
    static func main() {
        FuzzDriver.run { bytes in
            let text = String(decoding: [UInt8](copying: bytes), as: UTF8.self)
            let values = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            let value = { (index: Int) in index < values.count && values[index] != "-" ? values[index] : nil }
            guard let request = try? ReloadRequest(mediaSequence: value(0), part: value(1), skip: value(2))
            else { return }
            precondition((request.mediaSequence == nil) == (value(0) == nil))
            precondition(request.part.map { (0...Int(UInt32.max)).contains($0) } ?? (value(1) == nil))
            check(request)
        }
    }

    private static func check(_ request: ReloadRequest) {
        let wanted = request.mediaSequence ?? 0
        for growing in [0, wanted &- 1, wanted, wanted &+ 1, .max] {
            for count in [0, 1, Int(UInt32.max)] {
                var edge = LiveEdge(growingMediaSequence: growing, growingPartCount: count, lastPartCount: 7)
                let isThere = edge.isSatisfied(wanted, part: request.part)
                let verdict = edge.verdict(on: request)
                precondition(request.mediaSequence != nil || verdict == .answer)
                precondition(request.mediaSequence == nil || isThere == (verdict == .answer))
                edge.isEnded = true
                precondition(edge.verdict(on: request) == .answer)
            }
        }
    }
}
