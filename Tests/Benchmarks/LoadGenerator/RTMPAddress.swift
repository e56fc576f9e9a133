import CPlatform
import RTMP

/// The parts of an `rtmp://` URL.
struct RTMPAddress {
    /// The ways a text can fail to be such a URL.
    enum Failure: Error {
        case invalid(String)
        case unknownHost(String)
    }

    /// A literal address.
    let host: String
    let port: UInt16
    let target: PublishSession.Target

    /// Takes `rtmp://host:port/app/key?query` apart and looks the host up.
    init(_ url: String) throws {
        let prefix = "rtmp://"
        guard url.hasPrefix(prefix) else { throw Failure.invalid(url) }
        let parts = url.dropFirst(prefix.count)
            .split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty else { throw Failure.invalid(url) }
        let hostAndPort = parts[0].split(separator: ":")
        host = try Self.resolve(String(hostAndPort[0]))
        port = hostAndPort.count > 1 ? UInt16(hostAndPort[1]) ?? 1935 : 1935
        target = PublishSession.Target(
            app: String(parts[1]),
            tcURL: "\(prefix)\(parts[0])/\(parts[1])",
            streamName: String(parts[2])
        )
    }

    private static func resolve(_ host: String) throws -> String {
        var text = [CChar](repeating: 0, count: 1024)
        // SAFETY: the buffer holds as many bytes as the capacity says, and the C function ends it by zero.
        let status = unsafe cplatform_resolve(host, &text, text.count)
        let addresses = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let first = String(decoding: addresses, as: UTF8.self).split(separator: "\n").first
        guard status >= 0, let first else { throw Failure.unknownHost(host) }
        return String(first)
    }
}
