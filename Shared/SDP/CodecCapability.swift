/// A codec that we take or send.
public enum CodecCapability: Hashable, Sendable {
    /// H.264; with a profile, only what decodes that profile, else any.
    case h264(H264Profile?)
    case hevc
    case av1
    case vp9
    case vp8
    case opus
    case pcmu
    case pcma

    /// The name in `rtpmap`, in lower case.
    var name: String {
        switch self {
        case .h264: "h264"
        case .hevc: "h265"
        case .av1: "av1"
        case .vp9: "vp9"
        case .vp8: "vp8"
        case .opus: "opus"
        case .pcmu: "pcmu"
        case .pcma: "pcma"
        }
    }

    /// The best of `codecs` for this capability; the first of equals.
    func best(in codecs: [OfferedCodec]) -> OfferedCodec? {
        var best: (codec: OfferedCodec, rank: Int)?
        for codec in codecs where codec.name == name {
            guard let rank = rank(of: codec), rank > best?.rank ?? 0 else { continue }
            best = (codec, rank)
        }
        return best?.codec
    }

    /// How well a format of the right name fits, above 0; `nil` where it does not.
    private func rank(of codec: OfferedCodec) -> Int? {
        switch self {
        case .h264(let profile): return Self.rank(h264: codec, for: profile)
        case .opus: return codec.clockRate == 48_000 ? 1 : nil
        case .vp9: return codec.parameter("profile-id") ?? "0" == "0" ? 2 : 1
        case .av1: return codec.parameter("profile") ?? "0" == "0" ? 2 : nil
        case .hevc: return codec.parameter("tx-mode") ?? "SRST" == "SRST" ? 1 : nil
        case .vp8, .pcmu, .pcma: return 1
        }
    }

    private static func rank(h264 codec: OfferedCodec, for stream: H264Profile?) -> Int? {
        guard let offered = H264Profile(profileLevelID: codec.parameter("profile-level-id")) else {
            return nil
        }
        let fragments = codec.parameter("packetization-mode") == "1" ? 8 : 0
        guard let stream else { return fragments + 1 }
        guard codec.parameter("packetization-mode") == "1" else { return nil }
        if offered == stream { return 4 }
        // A class that few decoders have promises more than it is likely to do well.
        if offered == .predictiveHigh444 { return offered.decodes(stream) ? 2 : nil }
        return offered.decodes(stream) ? 3 : 1
    }
}

extension OfferedCodec {
    /// Whether the format's own words promise to decode H.264 of `stream`; browsers often decode more.
    public func promises(_ stream: H264Profile) -> Bool {
        H264Profile(profileLevelID: parameter("profile-level-id"))?.decodes(stream) ?? false
    }
}
