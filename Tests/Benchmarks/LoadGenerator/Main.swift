import Foundation
import LoadClip
import Reactor

/// Publishes one clip by RTMP as many times at once as there are URLs, and prints what happened as JSON.
///
/// `LoadGenerator --clip clip.flv --seconds 30 --urls file`, or `--url rtmp://host/app/key-{n} --count 200`;
/// `--ramp 5` spreads the connections over five seconds; `--mark 1` writes into each picture when it is sent.
@main enum Main {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        guard let clipPath = options["clip"], let addresses = try addresses(options), !addresses.isEmpty
        else {
            print("--clip and --urls, or --clip, --url and --count, are needed")
            exit(2)
        }
        var clip = try Clip([UInt8](Data(contentsOf: URL(fileURLWithPath: clipPath))))
        clip.isMarked = options["mark"] == "1"
        let generator = Generator(loop: EventLoop(name: "load"))
        let report = try await generator.run(
            addresses,
            clip,
            seconds: options["seconds"].flatMap(Double.init) ?? 30,
            ramp: options["ramp"].flatMap(Double.init) ?? min(Double(addresses.count) / 50, 5)
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private static func addresses(_ options: Options) throws -> [RTMPAddress]? {
        if let file = options["urls"] {
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(whereSeparator: \.isNewline)
            return try lines.map { try RTMPAddress(String($0)) }
        }
        guard let url = options["url"] else { return nil }
        let count = options["count"].flatMap { Int($0) } ?? 1
        return try (0..<count).map {
            try RTMPAddress(url.replacingOccurrences(of: "{n}", with: String($0)))
        }
    }
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
