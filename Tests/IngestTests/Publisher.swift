import Foundation
import TestSupport

/// An encoder that runs beside the test and is ended with it.
final class Publisher {
    private let process = Process()
    private let errors: URL
    private let keys = Pipe.notInherited()

    /// Starts ffmpeg with a moving test picture and a tone, in real time, towards `url`.
    convenience init(
        _ url: String,
        size: String = "320x180",
        rate: Int = 30,
        gop: Int = 30,
        bFrames: Int = 2,
        seconds: Int = 60,
        video: Bool = true,
        audio: Bool = true
    ) throws {
        var arguments = ["-v", "error"]
        if video {
            arguments += [
                "-re", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=\(rate):duration=\(seconds)",
            ]
        }
        if audio {
            arguments += [
                "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)",
            ]
        }
        if video {
            arguments += [
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "\(gop)",
                "-keyint_min",
                "\(gop)", "-sc_threshold", "0", "-bf", "\(bFrames)", "-x264-params",
                "threads=1:rc-lookahead=0",
            ]
        }
        if audio { arguments += ["-c:a", "aac", "-ac", "2", "-b:a", "64k"] }
        try self.init("ffmpeg", arguments + ["-f", "flv", url])
    }

    /// Starts any program.
    init(_ tool: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [tool] + arguments
        process.standardInput = keys
        process.standardOutput = FileHandle.nullDevice
        errors = try TemporaryFolder.make("encoder").appendingPathComponent("errors")
        try Data().write(to: errors)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.runAlone()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Whether it runs.
    var isRunning: Bool { process.isRunning }

    /// Stops it in the middle of everything; its connection stays.
    func pause() { kill(process.processIdentifier, SIGSTOP) }

    /// Lets it go on.
    func resume() { kill(process.processIdentifier, SIGCONT) }

    /// Ends it as a crash does: the connection is lost without a word.
    func crash() { kill(process.processIdentifier, SIGKILL) }

    /// Ends ffmpeg in good order, as a person does; signals are blocked in what this process starts.
    func finish() throws { try keys.fileHandleForWriting.write(contentsOf: Data("q".utf8)) }

    /// What it wrote to its standard error, once it has ended.
    func complaints() async throws -> String {
        try await eventually("the encoder ends", within: .seconds(60)) { !process.isRunning }
        return String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    }
}
