import Media
import Testing

@testable import Ingest

struct PublisherStatisticsTests {
    private static let second: UInt64 = 1_000_000_000

    private func sample(
        _ track: TrackID,
        at time: Int64,
        isKeyframe: Bool = true,
        offset: Int32 = 0
    ) -> BusSample {
        BusSample(
            track: track,
            generation: 1,
            flags: isKeyframe ? .keyframe : [],
            decodeTime: time,
            compositionOffset: offset,
            payload: []
        )
    }

    @Test func `a keyframe every ten seconds is warned of in plain words`() {
        var statistics = PublisherStatistics(now: 0)
        statistics.count(sample(.video, at: 900_000))
        statistics.count(sample(.video, at: 1_800_000))
        #expect(statistics.keyframeInterval == 10)
        let warnings = statistics.warnings(dropped: [:], breakCount: 0)
        #expect(warnings.first?.hasPrefix("keyframe every 10 s: set the keyframe interval to 2 s") == true)
    }

    @Test func `sound that runs ahead of the picture is warned of`() {
        var statistics = PublisherStatistics(now: 0)
        statistics.audioTimescale = 48_000
        statistics.count(sample(.video, at: 900_000))
        statistics.count(sample(.audio, at: 48_000 * 11))
        #expect(statistics.drift == 1)
        #expect(statistics.warnings(dropped: [:], breakCount: 0) == ["sound and picture are 1000 ms apart"])
    }

    @Test func `the bit rate is that of the last window`() {
        var statistics = PublisherStatistics(now: 0)
        statistics.count(bytes: 1_250_000, now: 10 * Self.second)
        #expect(statistics.bitRate == 1_000_000)
        #expect(statistics.byteCount == 1_250_000)
    }

    @Test func `B-frames and a healthy stream need no warning`() {
        var statistics = PublisherStatistics(now: 0)
        statistics.count(sample(.video, at: 900_000, offset: 6000))
        statistics.count(sample(.video, at: 1_080_000))
        #expect(statistics.hasReorderedFrames)
        #expect(statistics.warnings(dropped: [.beforeKeyframe: 3, .empty: 1], breakCount: 0).isEmpty)
        #expect(statistics.warnings(dropped: [.unsupportedCodec: 3], breakCount: 2).count == 2)
    }
}
