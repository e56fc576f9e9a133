/// What one viewer has received since the counting began.
struct PacketCounts {
    /// Sequence numbers of one SSRC.
    private struct Stream {
        let ssrc: UInt32
        var first: Int
        var highest: Int
        var received: Int
    }

    private(set) var packets = 0
    private(set) var bytes = 0
    var decrypted = 0
    var refused = 0
    var forwardMilliseconds: [Double] = []
    private var streams: [Stream] = []

    /// Packets whose numbers were passed over.
    var lost: Int { streams.reduce(0) { $0 + max(0, $1.highest - $1.first + 1 - $1.received) } }

    /// The highest number of `ssrc` with its wraps, and what was lost of it.
    func reception(of ssrc: UInt32) -> (highest: Int, lost: Int, expected: Int)? {
        streams.first { $0.ssrc == ssrc }.map { stream in
            let expected = stream.highest - stream.first + 1
            return (stream.highest, max(0, expected - stream.received), expected)
        }
    }

    mutating func reset() { self = PacketCounts() }

    mutating func note(ssrc: UInt32, sequence: UInt16, byteCount: Int) {
        packets += 1
        bytes += byteCount
        guard let place = streams.firstIndex(where: { $0.ssrc == ssrc }) else {
            streams.append(Stream(ssrc: ssrc, first: Int(sequence), highest: Int(sequence), received: 1))
            return
        }
        let distance = Int(Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: streams[place].highest)))
        streams[place].received += 1
        if distance > 0 { streams[place].highest += distance }
    }
}
