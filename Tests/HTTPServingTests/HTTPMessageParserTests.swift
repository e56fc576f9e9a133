import Testing

@testable import HTTPServing

@Suite struct HTTPMessageParserTests {
    private func events(
        _ kind: HTTPMessageParser.Kind,
        _ text: String,
        step: Int
    ) throws -> [HTTPMessageParser.Event] {
        let parser = HTTPMessageParser(kind, limits: .init())
        var events: [HTTPMessageParser.Event] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            unsafe bytes[start..<min(bytes.count, start + step)].withUnsafeBytes { unsafe parser.append($0) }
            while let event = try parser.next() {
                if case .body(let more) = event, case .body(let before)? = events.last {
                    events[events.count - 1] = .body(before + more)
                } else {
                    events.append(event)
                }
                if event == .end { parser.beginNextMessage() }
            }
        }
        return events
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `reads the same however the bytes are cut`(step: Int) throws {
        let text =
            "\r\nPOST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Long:   two words \r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.0\r\n\r\n"
        let events = try events(.requests, text, step: step)
        #expect(events.count == 5)
        guard case .head(let first)? = events.first, case .head(let second) = events[3] else {
            Issue.record("no heads")
            return
        }
        #expect(first.method == "POST" && first.target == "/a?b=c" && first.isChunked && first.keepsAlive)
        #expect(first.fields["x-long"] == "two words")
        #expect(events[1] == .body(Array("abcde".utf8)) && events[2] == .end && events[4] == .end)
        #expect(second.minorVersion == 0 && !second.keepsAlive)
    }

    @Test func `reads a response to its end, by length, by chunks or by the connection`() throws {
        let counted = try events(.responses, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", step: 5)
        #expect(counted.suffix(2) == [.body(Array("hi".utf8)), .end])
        let parser = HTTPMessageParser(.responses, limits: .init())
        let text = Array("HTTP/1.1 200 OK\r\n\r\nuntil the end".utf8)
        unsafe text.withUnsafeBytes { unsafe parser.append($0) }
        _ = try parser.next()
        #expect(try parser.next() == .body(Array("until the end".utf8)))
        #expect(try parser.finish() == .end)
    }

    @Test func `says that a message was cut short`() throws {
        let parser = HTTPMessageParser(.responses, limits: .init())
        let text = Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".utf8)
        unsafe text.withUnsafeBytes { unsafe parser.append($0) }
        while try parser.next() != nil {}
        #expect(throws: HTTPMessageParser.Failure.truncated) { try parser.finish() }
    }
}
