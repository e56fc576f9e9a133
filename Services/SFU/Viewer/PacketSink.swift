import WebRTC

/// Where a viewer's packets go.
protocol PacketSink {
    /// Takes one packet of `byteCount` bytes, which `write` writes from the beginning of the memory on.
    mutating func send(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void)
    /// Whether more would only wait behind what has been taken and cannot be left out any more.
    var isBacklogged: Bool { get }
}

/// Sends packets over a viewer's transport.
struct TransportSink: PacketSink {
    let transport: PeerTransport

    var isBacklogged: Bool { transport.isBacklogged }

    func send(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
        transport.sendRTP(byteCount: byteCount) { span in
            // SAFETY: the span has as many bytes as are written, and lives for the call.
            unsafe span.withUnsafeMutableBytes { memory in
                guard let base = memory.baseAddress else { return }
                unsafe write(base)
            }
        }
    }
}
