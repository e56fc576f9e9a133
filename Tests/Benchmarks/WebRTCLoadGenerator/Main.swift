import Foundation
import LoadClip
import Reactor

/// Opens as many WHEP sessions as are wanted, each with real ICE, DTLS and a socket of its own, counts what arrives
/// and prints it as JSON.
///
/// `WebRTCLoadGenerator --url http://host:port/whep/<id> --count 500 --seconds 10`; `--token` is sent as a bearer,
/// `--sample 50` decrypts every 50th viewer's packets, `--parallel 16` bounds the sessions opened at once,
/// `--video-only 1` asks for no sound, `--feedback browser` offers and reports what Chromium does. With
/// `--janus http://host:port/janus --mount-point 1` it watches a mount point of a Janus instead.
///
/// `WebRTCLoadGenerator --publish file --clip clip.flv --seconds 10` publishes the pictures of the clip by WHIP to every
/// line of the file, an address and a stream key; `--settle 5` is how long before it counts.
@main enum Main {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        if let file = options["publish"] {
            return try printOut(await publish(file, options))
        }
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
        try printOut(await generator.run())
    }

    private static func publish(_ file: String, _ options: Options) async throws -> PublishReport {
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(whereSeparator: \.isNewline)
        let targets = lines.map { $0.split(separator: " ").map(String.init) }.filter { $0.count == 2 }
        guard let path = options["clip"], !targets.isEmpty else {
            print("--clip and a file of addresses and keys are needed")
            exit(2)
        }
        let clip = try PacketClip(Clip([UInt8](Data(contentsOf: URL(fileURLWithPath: path)))))
        let load = try PublisherLoad(clip, loop: EventLoop(name: "publishers"))
        return try await load.run(
            targets.map { PublishTarget(url: $0[0], key: $0[1]) },
            settling: options["settle"].flatMap(Double.init) ?? 5,
            seconds: options["seconds"].flatMap(Double.init) ?? 10
        )
    }

    private static func printOut(_ report: some Encodable) throws {
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
