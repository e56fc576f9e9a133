import Codecs
import Media
import RTMP
import TestSupport
import Testing

@testable import Ingest

/// What real encoders sent, from the first byte on, through the RTMP session and the tracks.
struct CaptureTests {
    private struct Outcome {
        var tracks: [TrackID: TrackConfiguration] = [:]
        var samples: [SourceSample] = []
        var dropped: [DroppedPacket: UInt64] = [:]
        var hasEnded = false

        func samples(of number: UInt16) -> [SourceSample] {
            samples.filter { $0.track.rawValue == number }
        }
    }

    private func play(_ name: String) throws -> Outcome {
        let bytes = try Fixtures.bytes("RTMP/\(name).bin")
        let nonce = [UInt8](repeating: 7, count: ServerHandshake.nonceByteCount)
        var session = ServerSession(nonce: nonce, now: 0)
        var tracks = PublisherTracks()
        var outcome = Outcome()
        var isAccepted = false
        var offset = 0
        // The bytes come one by one until the request is accepted: what may come before that is bounded.
        while offset < bytes.count {
            let end = isAccepted ? bytes.count : offset + 1
            var actions = session.receive(Array(bytes[offset..<end]).span, at: 0)
            offset = end
            while !actions.isEmpty {
                switch actions.removeFirst() {
                case .publishRequested(let request):
                    isAccepted = true
                    actions = session.accept(request.id) + actions
                case .media(let message): take(tracks.take(message), into: &outcome)
                case .metadata(let object): _ = tracks.take(metadata: object)
                case .unpublish: outcome.hasEnded = true
                case .send, .close: break
                }
            }
        }
        outcome.dropped = tracks.dropped
        return outcome
    }

    private func take(_ outputs: [TrackOutput], into outcome: inout Outcome) {
        for configuration in outputs.configurations { outcome.tracks[configuration.track] = configuration }
        outcome.samples += outputs.samples
    }

    @Test(arguments: [
        ("ffmpeg-h264-bframes-aac", ["avc1", "mp4a.40.2"]), ("ffmpeg-h264-after-4h39", ["avc1"]),
        ("ffmpeg-mp3", ["mp4a.6B"]), ("gstreamer-rtmp2sink-h264-aac", ["avc1", "mp4a.40.2"]),
        ("gstreamer-rtmpsink-h264", ["avc1"]), ("pyav-hevc", ["hvc1.1.6", "mp4a.40.2"]),
        ("pyav-av1", ["av01.0"]),
        ("pyav-vp9", ["vp09.00"]), ("pyav-opus", ["opus"]), ("pyav-ac3", ["ac-3"]),
        ("pyav-multitrack", ["avc1", "mp4a.40.2", "hvc1", "opus"]),
    ])
    func `every codec of a real encoder makes its tracks and samples`(name: String, codecs: [String]) throws {
        let outcome = try play(name)
        let found = outcome.tracks.values.map(\.codecString).sorted()
        #expect(found.count == codecs.count)
        for (string, prefix) in zip(found, codecs.sorted()) { #expect(string.hasPrefix(prefix)) }
        for track in outcome.tracks.values {
            let samples = outcome.samples(of: track.track.rawValue)
            #expect(samples.count >= 10)
            #expect(samples.first?.isKeyframe == true)
            #expect(samples.allSatisfy { !$0.payload.isEmpty })
            #expect(Set(samples.map(\.generation)).count == 1)
            if let video = track.video { #expect((video.width, video.height) == (128, 72)) }
            if track.audio != nil { #expect(samples.allSatisfy { $0.duration > 0 }) }
        }
        #expect(outcome.dropped.filter { $0.key != .empty }.isEmpty)
    }

    @Test func `B-frames are presented later than they are decoded`() throws {
        let outcome = try play("ffmpeg-h264-bframes-aac")
        let video = outcome.samples(of: 0)
        #expect(video.contains { $0.compositionTime > 0 })
        #expect(video.contains { $0.isDiscardable })
        #expect(outcome.hasEnded)
    }

    @Test func `HEVC of two temporal directions keeps its keyframes`() throws {
        let video = try play("pyav-hevc").samples(of: 0)
        #expect(video.filter(\.isKeyframe).count >= 1)
        #expect(video.contains { $0.compositionTime > 0 })
    }
}
