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
            guard let message = try? STUNMessage(bytes) else { return }
            let again = message.encoded(key: nil)
            if let reread = try? STUNMessage(again.span) {
                precondition(reread.encoded(key: nil) == again)
            }
        }
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
