/// Our own check of a way that the peer seems to have chosen: only who gets it can answer it.
///
/// A lite agent needs no checks to find ways (RFC 8445 §7). This one keeps media from being led to somebody who never
/// asked for them, by a check with a forged source, or one that was caught and is sent again from elsewhere.
struct WayProof: Sendable {
    /// From one sending to the next, in nanoseconds.
    private static let interval: UInt64 = 250_000_000
    /// How often the check is sent: less often than STUN sends a request (RFC 8489 §6.2.1), as the way may lead to
    /// somebody who never asked for anything, and the peer's next check of it brings another.
    private static let sendLimit = 2
    /// The priority of a peer-reflexive candidate (RFC 8445 §5.1.2).
    private static let priority: UInt32 = 110 << 24 | 255

    let pair: CandidatePair
    /// The number of the peer's choice, counted from 1.
    var nomination: UInt64
    private let transactionID: STUNMessage.TransactionID
    private let key: [UInt8]
    private let bytes: [UInt8]
    private var lastSent: UInt64
    private var sendCount = 1

    init(
        of pair: CandidatePair,
        nomination: UInt64,
        local: ICECredentials,
        remote: ICECredentials,
        transactionID: STUNMessage.TransactionID,
        now: UInt64
    ) {
        self.pair = pair
        self.nomination = nomination
        self.transactionID = transactionID
        key = Array(remote.password.utf8)
        bytes = STUNMessage(
            .request,
            transactionID: transactionID,
            attributes: [
                .username("\(remote.fragment):\(local.fragment)"), .priority(Self.priority),
                .controlled(tieBreaker: transactionID.low),
            ]
        ).encoded(key: key)
        lastSent = now
    }

    /// The sending of it.
    var check: ICEAgent.Action { .send(bytes, pair) }

    /// When it is due again, `nil` where it was sent often enough.
    var deadline: UInt64? { sendCount < Self.sendLimit ? lastSent &+ Self.interval : nil }

    /// Sends it again, where that is due.
    mutating func retry(now: UInt64) -> [ICEAgent.Action] {
        guard let deadline, now >= deadline else { return [] }
        lastSent = now
        sendCount += 1
        return [check]
    }

    /// Whether a message is the peer's answer.
    func isAnswered(by message: STUNMessage, _ bytes: Span<UInt8>, on pair: CandidatePair) -> Bool {
        pair == self.pair && message.kind == .success && message.transactionID == transactionID
            && message.isAuthentic(bytes, key: key)
    }
}

/// The proofs that are under way, one for each pair.
///
/// Several are waited for, so that who invents pairs cannot keep the right one from being proven; only the newest is
/// sent a second time. So one genuine check, whoever sends it again from wherever, brings three messages there at most:
/// its answer, and ours twice.
struct WayProofs: Sendable {
    private let limit: Int
    private var proofs: [WayProof] = []

    /// Waits for the answers to at most `limit`; beyond it the oldest are given up.
    init(limit: Int) { self.limit = limit }

    /// When the newest is due again.
    var deadline: UInt64? { proofs.last?.deadline }

    /// Lets a proof that is under way stand for a later choice of the same pair.
    ///
    /// - Returns: `false` where there is none, or it was sent in vain as often as it may be.
    mutating func renew(_ pair: CandidatePair, nomination: UInt64) -> Bool {
        guard let index = proofs.firstIndex(where: { $0.pair == pair }) else { return false }
        var proof = proofs.remove(at: index)
        guard proof.deadline != nil else { return false }
        proof.nomination = nomination
        proofs.append(proof)
        return true
    }

    mutating func add(_ proof: WayProof) {
        proofs.append(proof)
        if proofs.count > limit { proofs.removeFirst() }
    }

    mutating func retry(now: UInt64) -> [ICEAgent.Action] {
        guard let newest = proofs.indices.last else { return [] }
        return proofs[newest].retry(now: now)
    }

    /// The proof that a message brings to its end.
    mutating func take(
        answeredBy message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair
    ) -> WayProof? {
        guard let index = proofs.firstIndex(where: { $0.isAnswered(by: message, bytes, on: pair) }) else {
            return nil
        }
        return proofs.remove(at: index)
    }
}
