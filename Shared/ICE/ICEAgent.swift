/// The passive end of ICE (an ICE-lite agent, RFC 8445): answers the checks of one peer, learns which ways work and
/// which one the peer has chosen, and notices that the peer is gone (RFC 7675).
///
/// Until ``settle(over:)`` it follows the peer's choice at once; from then on only to a way that is proven to lead
/// back to the peer, which it asks by a check of its own.
///
/// Times are nanoseconds of a monotonic clock. Feed it every STUN message whose user name begins with one of
/// ``fragments``; carry out the actions in order; call ``tick(now:)`` at ``deadline``.
public struct ICEAgent: Sendable {
    /// How long to wait, and how much to keep.
    public struct Limits: Sendable, Equatable {
        /// From the last valid check to the loss of the session.
        public var consent: UInt64 = 30_000_000_000
        /// From the start to the first valid check: who has given up, or has got no answer, asks anew.
        public var firstCheck: UInt64 = 10_000_000_000
        /// Ways remembered as working; the one used longest ago goes first.
        public var pairCount = 16
        /// Answers a second to checks from where the peer is not for certain.
        public var answersPerSecond = 50
        /// The same at once, when many ways are tried.
        public var answerBurst = 100
        /// Answers a second to checks that prove nothing.
        public var refusalsPerSecond = 10
        /// The same at once.
        public var refusalBurst = 20

        /// Creates the usual limits.
        public init() {}
    }

    /// Why there is no session any more.
    public enum Loss: Sendable, Equatable {
        /// No valid check came since the start.
        case neverConnected
        /// The checks have stopped.
        case consentExpired
    }

    /// What to do.
    public enum Action: Sendable, Equatable {
        /// Send these bytes back over the pair.
        case send([UInt8], CandidatePair)
        /// The peer has chosen this pair; media and DTLS go over it from now on.
        case selected(CandidatePair)
        /// The peer seems to have chosen this pair, which has to be proven: call ``prove(_:transactionID:now:)``.
        case proofNeeded(CandidatePair)
        /// Checks with this fragment are not for this agent any more.
        case retired(fragment: String)
        /// The session is lost; said once.
        case lost(Loss)
    }

    struct Generation: Sendable {
        let local: ICECredentials
        let remote: ICECredentials?
    }

    /// The pair that the peer has chosen, or before it chose the first that worked.
    public internal(set) var selectedPair: CandidatePair?
    /// Valid checks so far.
    public private(set) var checkCount: UInt64 = 0
    /// Messages that were not answered, or with an error.
    public private(set) var refusedCount: UInt64 = 0

    private let limits: Limits
    var generations: [Generation]
    var pairs: CheckedPairs
    var proofs: WayProofs
    var isSettled = false
    var nominationCount: UInt64 = 0
    var followedNomination: UInt64 = 0
    private var lastCheck: UInt64?
    private let started: UInt64
    private var isLost = false
    private var budget: RateBudget
    private var refusals: RateBudget

    /// Creates an agent.
    ///
    /// - Parameters:
    ///   - local: Our credentials, which the answer carries.
    ///   - remote: The peer's credentials, where they are known.
    public init(local: ICECredentials, remote: ICECredentials?, limits: Limits = Limits(), now: UInt64) {
        generations = [Generation(local: local, remote: remote)]
        self.limits = limits
        pairs = CheckedPairs(limit: limits.pairCount)
        proofs = WayProofs(limit: limits.pairCount)
        started = now
        budget = RateBudget(perSecond: limits.answersPerSecond, burst: limits.answerBurst)
        refusals = RateBudget(perSecond: limits.refusalsPerSecond, burst: limits.refusalBurst)
    }

    /// The fragments by which checks are this agent's: one, or two while a restart is under way.
    public var fragments: [String] { generations.map(\.local.fragment) }

    /// The newest local credentials.
    public var credentials: ICECredentials { generations[generations.count - 1].local }

    /// Whether a valid check came over `pair`: only then DTLS from there is to be heard.
    public func isChecked(_ pair: CandidatePair) -> Bool { pairs.contains(pair) }

    /// Whether what is sent over `pair` is known to reach the peer.
    public func isProven(_ pair: CandidatePair) -> Bool { pairs.isProven(pair) }

    /// The pairs that work.
    public var checkedPairs: [CandidatePair] { pairs.all }

    /// When ``tick(now:)`` is due, unless checks come before.
    public var deadline: UInt64? {
        if isLost { return nil }
        let loss = lossTime
        return proofs.deadline.map { min($0, loss) } ?? loss
    }

    private var lossTime: UInt64 {
        lastCheck.map { $0 &+ limits.consent } ?? started &+ limits.firstCheck
    }

    // MARK: Events

    /// Takes one message that came over `pair`.
    public mutating func receive(
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        now: UInt64
    ) -> [Action] {
        guard let message = try? STUNMessage(bytes) else { return refuse() }
        return receive(message, bytes, on: pair, now: now)
    }

    /// Takes a message that has been read already.
    ///
    /// - Parameter bytes: What `message` was read from.
    public mutating func receive(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        now: UInt64
    ) -> [Action] {
        guard !isLost, message.method == STUNMessage.binding else { return [] }
        guard message.kind == .request else { return receiveAnswer(message, bytes, on: pair) }
        // Who knows the name only must not use up what belongs to the peer, so that comes after the password.
        guard let index = generation(of: message),
            message.isAuthentic(bytes, key: Array(generations[index].local.password.utf8))
        else { return refuse(message, bytes, on: pair, now: now) }
        // A caught check can be sent again from anywhere, but the answer goes to the peer where it is proven to be.
        guard pairs.isProven(pair) || budget.allows(at: now) else { return refuse() }
        return check(message, generation: index, on: pair, now: now)
    }

    /// Looks at the clock.
    public mutating func tick(now: UInt64) -> [Action] {
        guard !isLost else { return [] }
        guard now >= lossTime else { return proofs.retry(now: now) }
        isLost = true
        return [.lost(lastCheck == nil ? .neverConnected : .consentExpired)]
    }

    /// Begins a restart (RFC 8445 §9): new credentials on both sides, while media go on over the old pair until the
    /// peer has chosen a new one.
    public mutating func restart(local: ICECredentials, remote: ICECredentials?) -> [Action] {
        generations.append(Generation(local: local, remote: remote))
        guard generations.count > 2 else { return [] }
        return [.retired(fragment: generations.remove(at: 1).local.fragment)]
    }

    /// Forgets a pair whose connection has been closed.
    public mutating func forget(_ pair: CandidatePair) {
        pairs.forget(pair)
        guard pair == selectedPair else { return }
        selectedPair = isSettled ? pairs.newestProven : pairs.newest
    }

    // MARK: Checks

    private func generation(of message: STUNMessage) -> Int? {
        guard let username = message.username else { return nil }
        return generations.lastIndex { generation in
            let front = generation.local.fragment + ":"
            guard let remote = generation.remote else { return username.hasPrefix(front) }
            return username == front + remote.fragment
        }
    }

    private mutating func check(
        _ message: STUNMessage,
        generation index: Int,
        on pair: CandidatePair,
        now: UInt64
    ) -> [Action] {
        let key = Array(generations[index].local.password.utf8)
        let unknown = message.unknownRequired
        if !unknown.isEmpty {
            return fail(message, [.errorCode(420, reason: ""), .unknownAttributes(unknown)], key: key, pair)
        }
        for case .controlled in message.attributes {
            return fail(message, [.errorCode(487, reason: "Role Conflict")], key: key, pair)
        }
        // Every check of who knows the password is answered (RFC 8445 §7.3), though the answer may be 8 bytes longer
        // than a check by IPv6 without PRIORITY and FINGERPRINT; only strangers never get more than they sent.
        var answer = STUNMessage(.success, transactionID: message.transactionID)
        answer.attributes = [.xorMappedAddress(pair.remote)]
        let nominates = message.attributes.contains(.useCandidate)
        return [.send(answer.encoded(key: key), pair)]
            + accept(pair, nominates: nominates, generation: index, now: now)
    }

    private mutating func accept(
        _ pair: CandidatePair,
        nominates: Bool,
        generation index: Int,
        now: UInt64
    ) -> [Action] {
        checkCount &+= 1
        lastCheck = now
        pairs.note(pair, keeping: selectedPair, now: now)
        // A check with credentials that a restart replaces says nothing about the new choice.
        guard index == generations.count - 1 || nominationCount == 0 else { return [] }
        guard nominates || selectedPair == nil else { return [] }
        var retired: [Action] = []
        if nominates {
            nominationCount &+= 1
            retired = generations.prefix(index).map { .retired(fragment: $0.local.fragment) }
            generations.removeFirst(index)
        }
        return follow(pair) + retired
    }

    /// Goes over to the pair that the peer seems to have chosen, or wants it proven first.
    private mutating func follow(_ pair: CandidatePair) -> [Action] {
        guard pair == selectedPair || !isSettled || pairs.isProven(pair) else { return [.proofNeeded(pair)] }
        return select(pair, nomination: nominationCount)
    }

    mutating func select(_ pair: CandidatePair, nomination: UInt64) -> [Action] {
        followedNomination = nomination
        guard pair != selectedPair else { return [] }
        // Who goes back to a way after some time may not be there any more.
        if isSettled, let selectedPair { pairs.doubt(selectedPair) }
        selectedPair = pair
        return [.selected(pair)]
    }

    // MARK: Refusals

    mutating func refuse() -> [Action] {
        refusedCount &+= 1
        return []
    }

    /// Answers who has proven nothing (RFC 8489 §9.1.3), seldom, and with no more bytes than came.
    private mutating func refuse(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        now: UInt64
    ) -> [Action] {
        refusedCount &+= 1
        guard refusals.allows(at: now) else { return [] }
        let answer = STUNMessage(
            .failure,
            transactionID: message.transactionID,
            attributes: [.errorCode(401, reason: "Unauthorized")]
        ).encoded(key: nil)
        return answer.count <= bytes.count ? [.send(answer, pair)] : []
    }

    private mutating func fail(
        _ message: STUNMessage,
        _ attributes: [STUNMessage.Attribute],
        key: [UInt8],
        _ pair: CandidatePair
    ) -> [Action] {
        refusedCount &+= 1
        let answer = STUNMessage(.failure, transactionID: message.transactionID, attributes: attributes)
        return [.send(answer.encoded(key: key), pair)]
    }
}
