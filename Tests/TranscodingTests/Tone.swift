import Foundation

/// Sine waves, and what is left of them after coding.
enum Tone {
    static let rate = 48_000

    /// Interleaved samples of a tone of `frequency` in each of `channels`, from sample `start` on.
    static func samples(
        _ frequency: Double,
        level: Float = 0.5,
        from start: Int = 0,
        count: Int,
        channels: Int = 2,
        rate: Int = rate
    ) -> [Float] {
        (start..<start + count).flatMap { index in
            let value = Float(sin(2 * Double.pi * frequency * Double(index) / Double(rate))) * level
            return repeatElement(value, count: channels)
        }
    }

    /// One channel of interleaved samples.
    static func channel(_ channel: Int, of samples: [Float], channels: Int = 2) -> [Float] {
        stride(from: channel, to: samples.count, by: channels).map { samples[$0] }
    }

    /// The amplitude of `frequency` in `samples`, by correlation with both phases.
    static func level(of frequency: Double, in samples: [Float]) -> Float {
        var (sine, cosine) = (0.0, 0.0)
        for (index, sample) in samples.enumerated() {
            let angle = 2 * Double.pi * frequency * Double(index) / Double(rate)
            sine += Double(sample) * sin(angle)
            cosine += Double(sample) * cos(angle)
        }
        return Float(2 * (sine * sine + cosine * cosine).squareRoot() / Double(max(1, samples.count)))
    }

    /// By how many samples `late` lags behind `early`, at most `limit`, by the best correlation.
    static func lag(of late: [Float], behind early: [Float], limit: Int) -> Int {
        let usable = min(late.count, early.count) - 2 * limit
        let scores = (-limit...limit).map { shift -> Float in
            (limit..<limit + usable).reduce(0) { $0 + late[$1 + shift] * early[$1] }
        }
        return (scores.indices.max { scores[$0] < scores[$1] } ?? 0) - limit
    }
}
