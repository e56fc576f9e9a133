import Glibc

/// Writes events to a descriptor, one JSON object a line, each by one call so that lines never mix.
public final class JSONLineSink: Sendable {
    private let descriptor: CInt
    private let service: String

    /// Creates a sink for the events of `service`; standard output by default.
    public init(service: String, descriptor: CInt = 1) {
        self.service = service
        self.descriptor = descriptor
    }

    /// Writes one event.
    public func write(_ event: Logger.Event) {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)  // SAFETY: the call fills a local variable.
        let line = Self.line(
            event,
            service: service,
            seconds: Int64(now.tv_sec),
            nanoseconds: Int64(now.tv_nsec)
        )
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            // SAFETY: the kernel reads within the slice before the call returns.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            // A log that nobody can read any more must not stop the service.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The line of one event, with its final line feed.
    static func line(_ event: Logger.Event, service: String, seconds: Int64, nanoseconds: Int64) -> String {
        var line = "{\"time\":\"\(Timestamp.rfc3339(seconds: seconds, nanoseconds: nanoseconds))\""
        line +=
            ",\"level\":\"\(event.level)\",\"service\":\(quoted(service)),\"message\":\(quoted(event.message))"
        for (key, value) in event.fields { line += ",\(quoted(key)):\(quoted(value))" }
        return line + "}\n"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
