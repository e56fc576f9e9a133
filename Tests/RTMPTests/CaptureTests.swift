import RTMP
import TestSupport
import Testing

/// What real publishers have sent, byte for byte; where each capture comes from is in `Fixtures/INDEX.md`.
@Suite struct CaptureTests {
    /// What a capture holds, counted.
    struct Summary: Equatable {
        var key = ""
        var encoder = ""
        var metadataCount = 0
        /// By kind and track, like `video 0 avc1`.
        var configurations: [String: Int] = [:]
        var frames: [String: Int] = [:]
        var keyframeCount = 0
        var longestCompositionTime: Int32 = 0
        var lastTime: UInt32 = 0
        var others: [String] = []
        var end: ServerSession.UnpublishReason?

        mutating func add(_ media: MediaMessage) throws {
            lastTime = max(lastTime, media.timestamp)
            let packets =
                try media.kind == .audio
                ? AudioTag.packets(in: media.payload) : VideoTag.packets(in: media.payload)
            for packet in packets { add(packet, media.kind) }
        }

        private mutating func add(_ packet: MediaPacket, _ kind: MediaMessage.Kind) {
            let track = "\(kind) \(packet.trackID) \(packet.codec)"
            switch packet.content {
            case .sequenceStart: configurations[track, default: 0] += 1
            case .coded(let frame):
                frames[track, default: 0] += 1
                if kind == .video {
                    keyframeCount += frame.isKeyframe ? 1 : 0
                    longestCompositionTime = max(longestCompositionTime, frame.compositionTime)
                }
            case .sequenceEnd: others.append("\(track) end")
            case .metadata, .channels: others.append("\(track) description")
            case .ignored(let reason): others.append("\(track) \(reason)")
            }
        }
    }

    static let captures: [String: Summary] = [
        "ffmpeg-h264-bframes-aac": Summary(
            key: "live main?k=secret",
            encoder: "FMLE/3.0 (compatible; Lavf59.27.100)",
            metadataCount: 1,
            configurations: ["audio 0 mp4a": 1, "video 0 avc1": 1],
            frames: ["audio 0 mp4a": 62, "video 0 avc1": 21],
            keyframeCount: 3,
            longestCompositionTime: 267,
            lastTime: 1526,
            others: ["video 0 avc1 end"]
        ),
        "ffmpeg-h264-after-4h39": Summary(
            key: "live late",
            encoder: "FMLE/3.0 (compatible; Lavf59.27.100)",
            metadataCount: 1,
            configurations: ["video 0 avc1": 1],
            frames: ["video 0 avc1": 15],
            keyframeCount: 2,
            lastTime: 16_777_933,
            others: ["video 0 avc1 end"]
        ),
        "ffmpeg-mp3": Summary(
            key: "live mp3",
            encoder: "FMLE/3.0 (compatible; Lavf59.27.100)",
            metadataCount: 1,
            frames: ["audio 0 .mp3": 40],
            lastTime: 1019
        ),
        "gstreamer-rtmp2sink-h264-aac": Summary(
            key: "live gst2",
            encoder: "LNX 10,0,32,18",
            metadataCount: 16,
            configurations: ["audio 0 mp4a": 1, "video 0 avc1": 1],
            frames: ["audio 0 mp4a": 41, "video 0 avc1": 15],
            keyframeCount: 2,
            lastTime: 933,
            others: ["video 0 avc1 end"]
        ),
        "gstreamer-rtmpsink-h264": Summary(
            key: "live gst",
            metadataCount: 6,
            configurations: ["video 0 avc1": 1],
            frames: ["video 0 avc1": 15],
            keyframeCount: 2,
            lastTime: 933,
            others: ["video 0 avc1 end"]
        ),
        "pyav-hevc": Summary(
            key: "live hevc",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            configurations: ["audio 0 mp4a": 1, "video 0 hvc1": 1],
            frames: ["audio 0 mp4a": 44, "video 0 hvc1": 15],
            keyframeCount: 2,
            longestCompositionTime: 267,
            lastTime: 1108,
            others: ["video 0 hvc1 description"]
        ),
        "pyav-av1": Summary(
            key: "live av1",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            configurations: ["video 0 av01": 1],
            frames: ["video 0 av01": 15],
            keyframeCount: 2,
            lastTime: 933,
            others: ["video 0 av01 description"]
        ),
        "pyav-vp9": Summary(
            key: "live vp9",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            configurations: ["video 0 vp09": 1],
            frames: ["video 0 vp09": 15],
            keyframeCount: 2,
            lastTime: 933,
            others: ["video 0 vp09 description"]
        ),
        "pyav-opus": Summary(
            key: "live opus",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            configurations: ["audio 0 Opus": 1],
            frames: ["audio 0 Opus": 51],
            lastTime: 1001,
            others: ["audio 0 Opus description"]
        ),
        // The second picture's colours come under the first picture's number: an error of that library.
        "pyav-multitrack": Summary(
            key: "live multitrack",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            configurations: ["audio 0 mp4a": 1, "audio 1 Opus": 1, "video 0 avc1": 1, "video 1 hvc1": 1],
            frames: ["audio 0 mp4a": 48, "audio 1 Opus": 51, "video 0 avc1": 15, "video 1 hvc1": 15],
            keyframeCount: 4,
            lastTime: 1015,
            others: ["audio 1 Opus description", "video 0 hvc1 description", "video 0 avc1 end"]
        ),
        // Its sequence start says that there is nothing to say.
        "pyav-ac3": Summary(
            key: "live ac3",
            encoder: "FMLE/3.0 (compatible; Lavf62.12.102)",
            metadataCount: 1,
            frames: ["audio 0 ac-3": 32],
            lastTime: 992,
            others: ["audio 0 ac-3 empty", "audio 0 ac-3 description"]
        ),
    ]

    private func bytes(of capture: String) throws -> [UInt8] {
        try Fixtures.bytes("RTMP/\(capture).bin")
    }

    /// Everything that a shell is told, with every request accepted as soon as it is made.
    ///
    /// Until then the bytes come one by one: what is held while the shell decides depends on the slices.
    private func told(_ bytes: [UInt8], slice: () -> Int) -> [ServerSession.Action] {
        var session = ServerSession(nonce: Conversation.nonce, now: 0)
        var told: [ServerSession.Action] = []
        var isAccepted = false
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + (isAccepted ? slice() : 1), bytes.count)
            let part = Array(bytes[offset..<end])
            offset = end
            for action in session.receive(part.span, at: 0) {
                told.append(action)
                guard case .publishRequested(let request) = action else { continue }
                isAccepted = true
                told += session.accept(request.id)
            }
        }
        return told.filter { if case .send = $0 { false } else { true } }
    }

    private func summary(of capture: String) throws -> Summary {
        var summary = Summary()
        for action in told(try bytes(of: capture), slice: { 1 << 20 }) {
            switch action {
            case .publishRequested(let request):
                summary.key = "\(request.connect.app) \(request.streamKey)"
                summary.encoder = request.connect.flashVersion
            case .media(let media): try summary.add(media)
            case .metadata: summary.metadataCount += 1
            case .unpublish(let reason): summary.end = reason
            case .send, .close: break
            }
        }
        return summary
    }

    @Test(arguments: captures.keys.sorted())
    func `understands what real publishers send`(capture: String) throws {
        var expected = try #require(Self.captures[capture])
        expected.end = .fcUnpublish
        #expect(try summary(of: capture) == expected)
    }

    @Test(arguments: captures.keys.sorted())
    func `tells the shell the same whatever the slices`(capture: String) throws {
        let bytes = try bytes(of: capture)
        let whole = told(bytes, slice: { bytes.count })
        for seed in 1...10 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let longest = [1, 3, 20, 300, 5000][Int(seed) % 5]
            #expect(told(bytes, slice: { Int.random(in: 1...longest, using: &random) }) == whole)
        }
    }

    @Test(arguments: captures.keys.sorted())
    func `survives captures that are damaged anywhere`(capture: String) throws {
        let bytes = try bytes(of: capture)
        for seed in 1...15 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let place = Int.random(in: 3073..<damaged.count, using: &random)
                damaged[place] = UInt8.random(in: 0...255, using: &random)
            }
            for case .media(let media) in told(damaged, slice: { 4096 }) {
                _ = try? AudioTag.packets(in: media.payload)
                _ = try? VideoTag.packets(in: media.payload)
            }
        }
    }
}
