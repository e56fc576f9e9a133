import Foundation
import TestSupport
import Testing

/// The session on a real socket, with real publishers on the other side.
@Suite struct PeerTests {
    /// The program that takes every publisher, for as long as a test needs it.
    private final class Sink {
        let port: String
        private let process = Process()
        private let input = Pipe.notInherited()
        private let output = Pipe.notInherited()

        init() throws {
            process.executableURL = PeerTests.products.appendingPathComponent("PublishSink")
            process.standardInput = input
            process.standardOutput = output
            try process.runAlone()
            let line = output.fileHandleForReading.availableData
            port = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .newlines)
        }

        deinit { process.terminate() }

        /// How many connections came and how many messages of media they brought.
        func finish() throws -> (connections: Int, messages: Int) {
            try input.fileHandleForWriting.close()
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
            try #require(numbers.count > 1, "\(text)")
            return (numbers[0], numbers[1])
        }
    }

    private static let pictures = ["-f", "lavfi", "-i", "testsrc2=size=128x72:rate=15"]
    private static let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    private static let encoders = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-c:a", "aac"]

    /// Where this test and the program were built.
    fileprivate static var products: URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    private func ffmpeg(seconds: Int, to target: String) throws {
        let source = ["-v", "error", "-y"] + Self.pictures + Self.sound
        try ExternalTool.succeed(
            "ffmpeg",
            source + ["-t", "\(seconds)"] + Self.encoders + ["-f", "flv", target]
        )
    }

    @Test func `takes ffmpeg`() throws {
        let sink = try Sink()
        try ffmpeg(seconds: 2, to: "rtmp://127.0.0.1:\(sink.port)/live/main?k=secret")
        let figures = try sink.finish()
        #expect(figures.connections == 1)
        #expect(figures.messages > 30 + 90)
    }

    @Test(arguments: ["rtmpsink", "rtmp2sink"])
    func `takes GStreamer`(element: String) throws {
        let sink = try Sink()
        let pipeline = """
            videotestsrc num-buffers=30 ! video/x-raw,width=128,height=72,framerate=30/1 \
            ! x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! flvmux streamable=true \
            ! \(element) location=rtmp://127.0.0.1:\(sink.port)/live/main
            """
        try ExternalTool.succeed("gst-launch-1.0", ["-q"] + pipeline.split(separator: " ").map(String.init))
        let figures = try sink.finish()
        #expect(figures.connections == 1)
        #expect(figures.messages >= 31)
    }

    @Test func `takes many publishers of the load generator`() throws {
        let clip = try TemporaryFolder.make("load").appendingPathComponent("clip.flv").path
        try ffmpeg(seconds: 1, to: clip)
        let sink = try Sink()
        let generator = Self.products.appendingPathComponent("LoadGenerator").path
        let url = "rtmp://127.0.0.1:\(sink.port)/live/main-{n}"
        let outcome = try ExternalTool.succeed(
            generator,
            ["--clip", clip, "--url", url, "--count", "20", "--seconds", "3"]
        )
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output))
        #expect(report.publishing == 20)
        #expect(report.outageCount == 0)
        // Three rounds of the clip, less what the ramp takes.
        #expect(report.messagesSent > 20 * 2 * 60)
        #expect(try sink.finish().connections == 20)
    }

    private struct Report: Decodable {
        var publishing: Int
        var outageCount: Int
        var messagesSent: Int
    }
}
