import WebRTC

/// Why a viewer sees what it sees, in plain words and by a stable code.
struct ViewerDiagnosis: Codable, Sendable, Equatable {
    /// What is known of a viewer whose session is open.
    struct Facts {
        var state: PeerTransport.State
        /// Since its offer was answered, in seconds.
        var age: Double
        var isWaitingForKeyframe: Bool
        /// Since the newest keyframe, in seconds.
        var keyframeAge: Double?
        var isPublisherAway: Bool
        /// The share of packets that it lost lately.
        var loss: Double
        /// Bits a second that its path carries, and that it is sent.
        var estimate: Int?
        var bitrate: Int
        /// Since it last reported anything, in seconds.
        var silence: Double?
    }

    /// What is normal for a beginning, in seconds.
    private static let patience = 2.0
    private static let notableLoss = 0.05
    private static let longSilence = 6.0

    var code: String
    var text: String

    init(_ code: String, _ text: String) {
        self.code = code
        self.text = text
    }

    /// What is to be said of an open session.
    init(_ facts: Facts) {
        switch facts.state {
        case .checking where facts.age > Self.patience:
            self = Self.noCandidatePair
        case .checking: self.init("connecting", "It has just been answered; no packet of it has come yet.")
        case .handshaking where facts.age > Self.patience:
            self.init("dtls_unfinished", "Packets come, but the DTLS handshake does not end: many are lost.")
        case .handshaking: self.init("connecting", "The DTLS handshake goes on.")
        case .closed(let reason): self.init(reason)
        case .connected: self.init(connected: facts)
        }
    }

    private init(connected facts: Facts) {
        if facts.isPublisherAway {
            self.init(
                "publisher_away",
                "The publisher's connection is lost; the picture stands until it is back."
            )
        } else if facts.isWaitingForKeyframe {
            let age = facts.keyframeAge.map { " The last is \(Self.seconds($0)) old." } ?? ""
            self.init(
                "waiting_for_keyframe",
                "It waits for a keyframe.\(age) Set a shorter interval in the encoder."
            )
        } else if let silence = facts.silence, silence > Self.longSilence {
            self.init(
                "no_reports",
                "Nothing has come from it for \(Self.seconds(silence)): its network may be gone."
            )
        } else if facts.loss > Self.notableLoss {
            self.init("loss", "It loses \(Int((facts.loss * 100).rounded())) % of the packets.")
        } else if let estimate = facts.estimate, facts.bitrate > estimate {
            let rates = "\(estimate / 1000) kbit/s, the stream needs \(facts.bitrate / 1000)"
            self.init("slow_path", "Its network carries about \(rates).")
        } else {
            self.init("playing", "It plays.")
        }
    }

    /// What is to be said of a session that is over.
    init(_ reason: PeerTransport.CloseReason) {
        switch reason {
        case .neverConnected: self = Self.noCandidatePair
        case .closedLocally:
            self.init("ended", "The session was ended here: the stream, the right to it or the page.")
        case .closedByPeer: self.init("ended", "The viewer has left.")
        case .consentExpired:
            self.init("gone", "Nothing came from it any more: its network is gone, or the page.")
        case .handshakeTimedOut:
            self.init("dtls_failed", "The DTLS handshake did not come to an end in time.")
        case .handshakeFailed(let code):
            self.init("dtls_failed", "The DTLS handshake failed (OpenSSL \(code)).")
        case .wrongCertificate:
            self.init("wrong_certificate", "Its certificate is not the one that its offer names.")
        }
    }

    private static let noCandidatePair = ViewerDiagnosis(
        "no_candidate_pair",
        "No packet of it has come: its network lets nothing through by UDP or TCP to the port of the sfu, or the "
            + "addresses in the answer are not ones that it can reach (SFU_ADVERTISED_ADDRESSES)."
    )

    private static func seconds(_ value: Double) -> String { "\(Int(value.rounded())) s" }
}
