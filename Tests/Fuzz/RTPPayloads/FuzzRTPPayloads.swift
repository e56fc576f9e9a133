import Codecs
import FuzzDriver
import Media
import RTP

/// Puts any bytes together as payloads of a coding that the first byte tells, and cuts them as media.
@main enum FuzzRTPPayloads {
    private static let codecs: [Codec] = [.h264, .hevc, .av1, .vp8, .vp9, .opus]

    static func main() {
        FuzzDriver.run { bytes in
            guard bytes.count > 1, let codec = codecs[at: bytes[0]] else { return }
            let rest = bytes.extracting(1..<bytes.count)
            depacketise(rest, codec)
            packetise(rest, codec)
        }
    }

    /// Each payload stands behind its length in one byte, of which the top bit ends the access unit.
    private static func depacketise(_ bytes: Span<UInt8>, _ codec: Codec) {
        guard var depacketiser = Depacketiser(codec) else { return }
        var position = 0
        while position < bytes.count {
            let head = bytes[position]
            let end = min(position + 1 + Int(head & 0x7f), bytes.count)
            let payload = bytes.extracting(position + 1..<end)
            _ = depacketiser.canBegin(with: payload)
            if (try? depacketiser.add(payload)) == nil { depacketiser.reset() }
            if head & 0x80 != 0 { take(&depacketiser, codec) }
            position = end
        }
        take(&depacketiser, codec)
    }

    private static func take(_ depacketiser: inout Depacketiser, _ codec: Codec) {
        guard let unit = try? depacketiser.takeAccessUnit() else { return depacketiser.reset() }
        guard codec == .h264 || codec == .hevc else { return }
        precondition((try? NALUnits.forEach(lengthPrefixed: unit.span, lengthSize: 4) { _ in }) != nil)
    }

    private static func packetise(_ bytes: Span<UInt8>, _ codec: Codec) {
        var run = PayloadRun()
        switch codec {
        case .h264:
            var packetiser = H264Packetiser(maximumPayloadByteCount: 64)
            try? packetiser.packetise(bytes, into: &run)
        case .hevc:
            var packetiser = HEVCPacketiser(maximumPayloadByteCount: 64)
            try? packetiser.packetise(bytes, into: &run)
        case .av1:
            let packetiser = AV1Packetiser(maximumPayloadByteCount: 64)
            try? packetiser.packetise(bytes, isKeyframe: true, into: &run)
        default:
            var packetiser = VP9Packetiser(maximumPayloadByteCount: 64)
            packetiser.packetise(bytes, isKeyframe: false, into: &run)
        }
        for index in 0..<run.count { precondition(run.range(index).count <= 64) }
    }
}

extension [Codec] {
    fileprivate subscript(at byte: UInt8) -> Codec? { self[Int(byte) % count] }
}
