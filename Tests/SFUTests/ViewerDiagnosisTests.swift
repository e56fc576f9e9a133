import Testing
import WebRTC

@testable import SFU

@Suite struct ViewerDiagnosisTests {
    private static let playing = ViewerDiagnosis.Facts(
        state: .connected,
        age: 10,
        isWaitingForKeyframe: false,
        keyframeAge: 1,
        isPublisherAway: false,
        loss: 0,
        estimate: 5_000_000,
        bitrate: 1_000_000,
        silence: 1
    )

    private func code(_ change: (inout ViewerDiagnosis.Facts) -> Void) -> String {
        var facts = Self.playing
        change(&facts)
        return ViewerDiagnosis(facts).code
    }

    @Test func `what is wrong is said by the first thing that explains it`() {
        #expect(code { _ in } == "playing")
        #expect(code { $0.state = .checking } == "no_candidate_pair")
        #expect(code { ($0.state, $0.age) = (.checking, 1) } == "connecting")
        #expect(code { $0.state = .handshaking } == "dtls_unfinished")
        #expect(code { $0.isWaitingForKeyframe = true } == "waiting_for_keyframe")
        #expect(code { ($0.isPublisherAway, $0.loss) = (true, 0.5) } == "publisher_away")
        #expect(code { $0.silence = 9 } == "no_reports")
        #expect(code { $0.loss = 0.2 } == "loss")
        #expect(code { $0.estimate = 500_000 } == "slow_path")
    }

    @Test func `every end of a session has its words`() {
        let codes = [
            PeerTransport.CloseReason.neverConnected, .closedLocally, .closedByPeer, .consentExpired,
            .handshakeTimedOut, .handshakeFailed(code: 1), .wrongCertificate,
        ].map { ViewerDiagnosis($0).code }
        #expect(
            codes == [
                "no_candidate_pair", "ended", "ended", "gone", "dtls_failed", "dtls_failed",
                "wrong_certificate",
            ]
        )
        var facts = Self.playing
        facts.isWaitingForKeyframe = true
        facts.keyframeAge = 7.4
        #expect(ViewerDiagnosis(facts).text.contains("The last is 7 s old."))
    }
}
