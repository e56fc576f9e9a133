import Reactor
import Telemetry

// One request after the other: from a header section to the end of its response.
extension HTTPConnection {
    func begin(_ head: HTTPMessageHead) {
        exchangeCount += 1
        let pipe = BoundedPipe<[UInt8]>(highWater: server.configuration.inputHighWater)
        let number = exchangeCount
        pipe.onDemand { [weak self, loop] in
            loop.execute { [weak self] in self?.assumeIsolated { $0.bodyIsWanted(by: number) } }
        }
        exchange = Exchange(number: number, head: head, body: pipe)
        exchange?.awaitsContinue = head.announcesBody && head.minorVersion > 0 && head.expectsContinue
        if head.announcesBody { expect(.body) }
    }

    /// The handler has room for more of the body, or waits for it for the first time.
    private func bodyIsWanted(by number: UInt64) {
        guard exchange?.number == number, mode == .serving else { return }
        exchange?.bodyIsPaused = false
        if exchange?.awaitsContinue == true, exchange?.phase == .handling {
            exchange?.awaitsContinue = false
            output.append(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            flush()
        }
        if exchange?.bodyIsComplete == false { expect(.body) }
        pump()
    }

    func startHandler() {
        guard var started = exchange else { return }
        started.phase = .handling
        exchange = started
        guard started.head.fields["expect"] == nil || started.head.expectsContinue else {
            return refuse(.unknownExpectation)
        }
        let target = HTTPTarget(started.head.target)
        guard let query = try? target.query() else { return refuse(.malformedQuery) }
        let request = HTTPRequest(
            method: started.head.method,
            path: target.path,
            query: query,
            headers: started.head.fields,
            body: HTTPRequestBody(pipe: started.body),
            peer: peer
        )
        let task = Task.immediate { await self.handle(request, number: started.number) }
        if exchange?.number == started.number { exchange?.task = task }
    }

    private func handle(_ request: HTTPRequest, number: UInt64) async {
        var response: HTTPResponse
        do {
            response = try await server.router.respond(to: request)
        } catch {
            let problem = HTTPProblem.describing(error)
            if problem.status == 500, !Task.isCancelled { noteFailure(error, of: request) }
            response = problem.response(instance: request.path)
        }
        guard exchange?.number == number, mode == .serving else { return }
        if case .webSocket = response.content {
            do { try prepareUpgrade(of: &response, for: request) } catch {
                response = error.response(instance: request.path)
            }
        }
        await answer(response, number: number)
    }

    private func noteFailure(_ error: any Error, of request: HTTPRequest) {
        server.logger.log(
            .error,
            "a request failed",
            [.error: "\(error)", .method: request.method, .path: Self.withoutTokens(request.path)]
        )
    }

    /// The path without path tokens, which are credentials.
    static func withoutTokens(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("~") ? "~" : String($0) }.joined(separator: "/")
    }

    private func answer(_ response: HTTPResponse, number: UInt64) async {
        settleBody()
        guard let head = exchange?.head else { return }
        let mayKeepAlive = exchange?.bodyIsComplete == true && !isDraining && !peerHasEnded
        let plan = ResponsePlan(response, to: head, mayKeepAlive: mayKeepAlive, date: worker.date)
        exchange?.keepsAlive = plan.keepsAlive
        output.append(plan.head)
        switch plan.body {
        case .none: break
        case .pieces(let pieces): for piece in pieces { output.append(piece) }
        case .webSocket(let converse): return await beginWebSocket(converse, number: number)
        case .chunked(let write), .untilClose(let write): await stream(write, number: number)
        case .counted(let count, let write):
            exchange?.promisedByteCount = count
            await stream(write, number: number)
        }
        guard exchange?.number == number, mode == .serving else { return }
        server.metrics.count(plan.status, since: exchange?.began ?? 0)
        exchange?.phase = .answered
        flush()
    }

    /// Decides what becomes of a body that the handler has not read: what is already here is thrown away, and
    /// where there is more to come the connection cannot go on.
    private func settleBody() {
        guard exchange?.bodyIsComplete == false else { return }
        exchange?.bodyIsUnwanted = true
        drainParser()
        if wait == .body { expect(nil) }
    }

    private func stream(
        _ write: @Sendable (HTTPBodyWriter) async throws -> Void,
        number: UInt64
    ) async {
        exchange?.phase = .streaming
        scheduleFlush()
        let isChunked = exchange?.promisedByteCount == nil && exchange?.head.minorVersion != 0
        do {
            try await write(
                HTTPBodyWriter { try await self.write($0, isChunked: isChunked, number: number) }
            )
            guard exchange?.number == number, exchange?.promisedByteCount ?? 0 == 0 else {
                throw HTTPConnectionClosed()
            }
            if isChunked { output.append(Array("0\r\n\r\n".utf8)) }
        } catch {
            // The client learns from the missing end that the body is not complete.
            if exchange?.number == number { abandon() }
        }
    }

    private func write(_ pieces: [HTTPResponse.Piece], isChunked: Bool, number: UInt64) async throws {
        guard exchange?.number == number, exchange?.phase == .streaming, mode == .serving
        else { throw HTTPConnectionClosed() }
        let count = pieces.byteCount
        if let promised = exchange?.promisedByteCount {
            guard count <= promised else { throw HTTPConnectionClosed() }
            exchange?.promisedByteCount = promised - count
        }
        if isChunked { output.append(Array((String(count, radix: 16) + "\r\n").utf8)) }
        for piece in pieces { output.append(piece) }
        if isChunked { output.append(Array("\r\n".utf8)) }
        scheduleFlush()
        try await roomInOutput()
    }

    /// Suspends while the client is too far behind.
    func roomInOutput() async throws {
        guard output.byteCount > server.configuration.outputHighWater else { return }
        let name = waiters.makeName()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                waiters.add(continuation, named: name)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.waiters.cancel(name) } }
        }
    }

    /// Sends what was written of a body that cannot be completed, and closes without its end.
    private func abandon() {
        flush()
        close()
    }

    /// The response has left; goes on to the next request, or ends.
    func finishExchange() {
        guard let finished = exchange else { return }
        exchange = nil
        guard finished.keepsAlive, finished.bodyIsComplete, !isDraining, !peerHasEnded else {
            mode = .finishing
            return finishSending()
        }
        parser.beginNextMessage()
        expect(.idle)
        pump()
    }

    // MARK: Refusals

    func refuse(_ failure: HTTPMessageParser.Failure) {
        server.metrics.malformed.increment()
        refuse(HTTPProblem.refusing(failure))
    }

    /// Answers in place of a handler and ends the connection.
    func refuse(_ problem: HTTPProblem) {
        guard exchange == nil || exchange?.phase == .collecting || exchange?.task == nil else {
            return failInput(problem)
        }
        let head = exchange?.head ?? .unreadable
        exchange?.body.finish(throwing: problem)
        exchange = nil
        let plan = ResponsePlan(problem.response(), to: head, mayKeepAlive: false, date: worker.date)
        output.append(plan.head)
        if case .pieces(let pieces) = plan.body { for piece in pieces { output.append(piece) } }
        server.metrics.count(plan.status, since: EventLoop.now)
        mode = .finishing
        finishSending()
    }

    /// Tells the handler that the body cannot be read to its end; it answers, and the connection ends.
    func failInput(_ problem: HTTPProblem) {
        exchange?.inputHasFailed = true
        exchange?.body.finish(throwing: problem)
        updateInterest()
    }

    private func finishSending() {
        expect(nil)
        flush()
    }
}

extension HTTPMessageHead {
    /// What stands in for a request that could not be read.
    static let unreadable = HTTPMessageHead(unreadable: ())

    /// Whether the client waits for leave to send the body (RFC 9110 §10.1.1).
    var expectsContinue: Bool { fields["expect"]?.lowercased() == "100-continue" }

    private init(unreadable: Void) {
        (method, target, status, minorVersion, keepsAlive) = ("", "", 0, 1, false)
        (fields, contentLength, isChunked) = (HTTPFields(), nil, false)
    }
}

extension HTTPProblem {
    static let slowHeader = HTTPProblem(408, "header_timeout", "The header section took too long to arrive.")
    static let slowBody = HTTPProblem(408, "body_timeout", "The body stopped arriving.")
    static let unknownExpectation = HTTPProblem(
        417,
        "expectation_failed",
        "Only 100-continue can be expected."
    )

    /// The answer to a request that cannot be read.
    static func refusing(_ failure: HTTPMessageParser.Failure) -> HTTPProblem {
        switch failure {
        case .targetTooLong: HTTPProblem(414, "target_too_long", "The request target is too long.")
        case .headerTooLarge: HTTPProblem(431, "header_too_large", "The header section is too large.")
        case .tooManyFields: HTTPProblem(431, "too_many_fields", "The header section has too many fields.")
        case .bodyTooLarge: HTTPProblem(413, "body_too_large", "The body is larger than this server takes.")
        case .unsupportedVersion:
            HTTPProblem(505, "http_version_not_supported", "This server speaks HTTP/1.1.")
        case .unsupportedTransferCoding:
            HTTPProblem(
                501,
                "transfer_coding_not_supported",
                "The only transfer coding known here is chunked."
            )
        case .unsupportedMethod: HTTPProblem(501, "method_not_supported", "This method is not known here.")
        case .missingHost: HTTPProblem(400, "host_required", "The request needs exactly one Host field.")
        case .obsoleteFold: HTTPProblem(400, "folded_header", "Folded header lines are not accepted.")
        case .ambiguousLength: HTTPProblem(400, "ambiguous_length", "The length of the body is ambiguous.")
        case .malformed, .truncated: HTTPProblem(400, "malformed_request", "This is not an HTTP/1.1 request.")
        }
    }
}
