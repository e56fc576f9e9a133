public import Crypto
import SRTP

/// What a transport has counted since it was made.
public struct PeerStatistics: Sendable, Equatable {
    /// RTP and RTCP packets sent.
    public internal(set) var packetsSent: UInt64 = 0
    /// Their bytes, protection included.
    public internal(set) var bytesSent: UInt64 = 0
    /// Genuine RTP and RTCP packets received.
    public internal(set) var packetsReceived: UInt64 = 0
    /// Their bytes, without protection.
    public internal(set) var bytesReceived: UInt64 = 0
    /// Packets with a wrong tag, or no packets at all.
    public internal(set) var packetsForged: UInt64 = 0
    /// Packets that had come before, or were too old.
    public internal(set) var packetsReplayed: UInt64 = 0
    /// Packets that came before the keys.
    public internal(set) var packetsEarly: UInt64 = 0
    /// Genuine RTCP packets that were not listened to, because there were too many in a second.
    public internal(set) var reportsIgnored: UInt64 = 0
    /// How often the way was chosen; more than once after a change of networks.
    public internal(set) var selectedPairChanges: UInt64 = 0
    /// How packets are protected, once that is agreed on.
    public internal(set) var profile: SRTPProfile?
    /// When the transport was connected, in nanoseconds of the loop's clock.
    public internal(set) var connected: UInt64?
    /// The last round trip in nanoseconds: of the handshake, until whoever reads reports notes better ones.
    public private(set) var roundTrip: UInt64?
    /// The share of packets that the peer last reported as lost, 0 to 1.
    public private(set) var reportedLoss: Double?

    mutating func note(roundTrip: UInt64) {
        self.roundTrip = roundTrip
    }

    mutating func note(roundTrip: UInt64?, loss: Double?) {
        if let roundTrip { self.roundTrip = roundTrip }
        if let loss { reportedLoss = min(max(loss, 0), 1) }
    }

    mutating func noteEarly() {
        packetsEarly &+= 1
    }

    /// Counts what became of a packet, here and for the whole endpoint; returns the length of its plain form where
    /// it was accepted.
    mutating func note(_ outcome: SRTPReceiver.Outcome, in all: inout EndpointCounters) -> Int? {
        switch outcome {
        case .accepted(let count):
            packetsReceived &+= 1
            bytesReceived &+= UInt64(count)
            return count
        case .refused(.replayed):
            packetsReplayed &+= 1
            all.packetsReplayed &+= 1
        case .refused:
            packetsForged &+= 1
            all.packetsForged &+= 1
        }
        return nil
    }
}

extension PeerTransport {
    /// Notes what the peer's reports say: the round trip in nanoseconds and the share of packets lost.
    public func noteReport(roundTrip: UInt64?, loss: Double?) {
        statistics.note(roundTrip: roundTrip, loss: loss)
    }
}
