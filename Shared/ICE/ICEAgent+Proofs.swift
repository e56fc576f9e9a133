extension ICEAgent {
    /// Ends the time in which the peer is followed at once: who has shaken hands is about to be sent media.
    ///
    /// - Parameter pair: The only way by which the peer can have learnt what it has proven to know, where there is
    ///   such a one. Without one the way chosen last is to be proven, or an older one that is goes on.
    public mutating func settle(over pair: CandidatePair?) -> [Action] {
        if let pair { pairs.prove(pair) }
        isSettled = true
        guard let chosen = selectedPair, !pairs.isProven(chosen) else { return [] }
        selectedPair = pairs.newestProven
        return (selectedPair.map { [.selected($0)] } ?? []) + [.proofNeeded(chosen)]
    }

    /// Begins to prove that a pair leads to the peer, unless that is under way.
    ///
    /// - Parameter transactionID: What nobody can guess.
    public mutating func prove(
        _ pair: CandidatePair,
        transactionID: STUNMessage.TransactionID,
        now: UInt64
    ) -> [Action] {
        guard let generation = generations.last, let remote = generation.remote, pairs.contains(pair) else {
            return []
        }
        if proofs.renew(pair, nomination: nominationCount) { return proofs.retry(now: now) }
        let proof = WayProof(
            of: pair,
            nomination: nominationCount,
            local: generation.local,
            remote: remote,
            transactionID: transactionID,
            now: now
        )
        proofs.add(proof)
        return [proof.check]
    }

    /// Takes an answer, which is of use where it is to a check of ours.
    mutating func receiveAnswer(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair
    ) -> [Action] {
        guard let proof = proofs.take(answeredBy: message, bytes, on: pair), pairs.contains(pair) else {
            return refuse()
        }
        pairs.prove(pair)
        // Meanwhile the peer may have chosen another way that is proven.
        guard proof.nomination > followedNomination || selectedPair == nil else { return [] }
        return select(pair, nomination: proof.nomination)
    }
}
