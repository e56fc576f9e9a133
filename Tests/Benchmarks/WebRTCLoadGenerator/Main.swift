import Foundation
import Reactor

/// Opens as many WHEP sessions as are wanted, each with real ICE, DTLS and a socket of its own, counts what arrives
/// and prints it as JSON.
///
/// `WebRTCLoadGenerator --url http://host:port/whep/<id> --count 500 --seconds 10`; `--token` is sent as a bearer,
/// `--sample 50` decrypts every 50th viewer's packets, `--parallel 16` bounds the sessions opened at once,
/// `--video-only 1` asks for no sound, `--feedback browser` offers and reports what Chromium does. With `--janus http://host:port/janus --mount-point 1` it watches a mount point
/// of a Janus instead.
@main enum Main {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        guard let url = options["url"] ?? options["janus"] else {
            print("--url or --janus is needed")
            exit(2)
        }
        let plan = LoadPlan(
            url: url,
            token: options["token"],
            janus: options["janus"],
            mountPoint: options["mount-point"].flatMap { Int($0) } ?? 1,
            count: options["count"].flatMap { Int($0) } ?? 100,
            seconds: options["seconds"].flatMap(Double.init) ?? 10,
            sampleEvery: max(1, options["sample"].flatMap { Int($0) } ?? 50),
            parallel: max(1, options["parallel"].flatMap { Int($0) } ?? 16),
            isVideoOnly: options["video-only"] == "1",
            isBrowser: options["feedback"] == "browser"
        )
        let generator = try LoadGenerator(plan, loop: EventLoop(name: "viewers"))
        let report = try await generator.run()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
}

/// What is asked for on the command line.
struct LoadPlan: Sendable {
    var url: String
    var token: String?
    var janus: String?
    var mountPoint: Int
    var count: Int
    var seconds: Double
    var sampleEvery: Int
    var parallel: Int
    var isVideoOnly: Bool
    /// Whether viewers number packets, report on them and take retransmissions, as browsers do.
    var isBrowser: Bool
}

/// The `--name value` pairs of a command line.
struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) {
        for (name, value) in zip(arguments.dropFirst(), arguments.dropFirst(2)) where name.hasPrefix("--") {
            values[String(name.dropFirst(2))] = value
        }
    }

    subscript(name: String) -> String? { values[name] }
}
