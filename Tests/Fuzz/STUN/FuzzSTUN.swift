import Bytes
import FuzzDriver
import ICE

/// Reads any bytes as a message; what is read is written and read again, and given to an agent.
@main enum FuzzSTUN {
    private static let local = ICECredentials(fragment: "abcd", password: "0123456789012345678901")
    private static let address = TransportAddress(.v4(0x7f00_0001), port: 1)

    static func main() {
        FuzzDriver.run { bytes in
            checkAgent(bytes)
            checkProofs(bytes)
            guard let message = try? STUNMessage(bytes) else { return }
            let again = message.encoded(key: nil)
            if let reread = try? STUNMessage(again.span) {
                precondition(reread.encoded(key: nil) == again)
            }
        }
    }

    /// An agent that waits for an answer to its own check believes no bytes: nobody can know its transaction.
    private static func checkProofs(_ bytes: Span<UInt8>) {
        var agent = ICEAgent(local: local, remote: local, now: 0)
        let pair = CandidatePair(.udp, local: address, remote: address)
        _ = agent.settle(over: nil)
        for round in 0..<2 {
            for case .proofNeeded(let pair) in agent.receive(bytes, on: pair, now: 1) {
                _ = agent.prove(pair, transactionID: .init(high: 7, low: 7), now: UInt64(round))
            }
        }
        _ = agent.tick(now: 1_000_000_000)
        precondition(!agent.isProven(pair) && agent.selectedPair == nil)
    }

    private static func checkAgent(_ bytes: Span<UInt8>) {
        var agent = ICEAgent(local: local, remote: nil, now: 0)
        let pair = CandidatePair(.udp, local: address, remote: address)
        for action in agent.receive(bytes, on: pair, now: 1) {
            guard case .send(let answer, _) = action else { continue }
            precondition(answer.count <= bytes.count || agent.checkCount == 1)
        }
    }
}
