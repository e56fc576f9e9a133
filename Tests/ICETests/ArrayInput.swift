import ICE

// An expectation cannot hold a span, but it can hold an array.
extension STUNMessage {
    init(bytes: [UInt8]) throws(Failure) { try self.init(bytes.span) }

    func isAuthentic(_ bytes: [UInt8], key: [UInt8]) -> Bool { isAuthentic(bytes.span, key: key) }
}

extension ICEAgent {
    mutating func receive(_ bytes: [UInt8], on pair: CandidatePair, now: UInt64) -> [Action] {
        receive(bytes.span, on: pair, now: now)
    }
}
