import FuzzDriver
import HTTPServing

/// Reads any bytes as requests, whole and in small pieces, wants the same from both, and plans an answer.
@main enum FuzzHTTPRequests {
    private struct Reading: Equatable {
        var events: [HTTPMessageParser.Event] = []
        var failure: HTTPMessageParser.Failure?
    }

    static func main() {
        FuzzDriver.run { span in
            let bytes = span.indices.map { span[$0] }
            let step = Int(bytes.first ?? 0) % 17 + 1
            let whole = read(bytes, step: max(1, bytes.count))
            precondition(read(bytes, step: step) == whole)
            for case .head(let head) in whole.events { answer(head) }
        }
    }

    private static func read(_ bytes: [UInt8], step: Int) -> Reading {
        let parser = HTTPMessageParser(.requests, limits: .init())
        var reading = Reading()
        do {
            for start in stride(from: 0, to: bytes.count, by: step) {
                let slice = bytes[start..<min(bytes.count, start + step)]
                // SAFETY: the parser copies the bytes before the call returns.
                unsafe slice.withUnsafeBytes { unsafe parser.append($0) }
                while let event = try parser.next() {
                    add(event, to: &reading)
                    if event == .end { parser.beginNextMessage() }
                }
            }
        } catch {
            reading.failure = error
        }
        return reading
    }

    /// Joins pieces of a body, which may be cut anywhere.
    private static func add(_ event: HTTPMessageParser.Event, to reading: inout Reading) {
        if case .body(let more) = event, case .body(let before)? = reading.events.last {
            reading.events[reading.events.count - 1] = .body(before + more)
        } else {
            reading.events.append(event)
        }
    }

    private static func answer(_ head: HTTPMessageHead) {
        let target = HTTPTarget(head.target)
        _ = try? target.query()
        _ = try? HTTPTarget.segments(of: target.path)
        let response = HTTPResponse(
            headers: ["etag": "\"v\"", "x-echo": head.target],
            content: .pieces([.bytes(Array("some ".utf8)), .bytes(Array("bytes".utf8))])
        )
        let plan = ResponsePlan(response, to: head, mayKeepAlive: true, date: "")
        let lines = plan.head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        precondition(lines.dropLast().allSatisfy { $0.last == UInt8(ascii: "\r") })
        precondition(lines.dropLast(2).allSatisfy { $0.count > 1 })
    }
}
