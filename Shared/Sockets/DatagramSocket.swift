import CPlatform
import Glibc

/// A bound, non-blocking UDP socket of one family.
public struct DatagramSocket: ~Copyable, Sendable {
    /// Where and how to bind.
    public struct Configuration: Sendable {
        /// A literal IPv4 or IPv6 address; `::` takes IPv6 alone.
        public var address: String
        /// The port, or 0 for any free one.
        public var port: UInt16
        /// Whether another process may bind the same port, for upgrades without a gap.
        public var reusesPort = false
        /// The wish for the kernel's receive queue, or 0 for its own idea.
        public var receiveByteCount = 0
        /// The wish for the kernel's send queue, or 0 for its own idea.
        public var sendByteCount = 0

        /// Creates a configuration for one address and port.
        public init(address: String, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// The descriptor, for watching it.
    public let descriptor: CInt
    /// The port that the kernel chose or confirmed.
    public let port: UInt16

    /// Binds a socket.
    ///
    /// - Throws: ``SystemCallError`` where the address is taken or not ours.
    public init(_ configuration: Configuration) throws(SystemCallError) {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe cplatform_bind_udp(
            configuration.address,
            configuration.port,
            configuration.reusesPort,
            CInt(clamping: configuration.receiveByteCount),
            CInt(clamping: configuration.sendByteCount)
        )
        guard descriptor >= 0 else {
            throw SystemCallError(call: "bind to \(configuration.address):\(configuration.port)", code: errno)
        }
        self.descriptor = descriptor
        port = UInt16(truncatingIfNeeded: cplatform_local_port(descriptor))
    }

    deinit {
        close(descriptor)
    }

    /// Lets the kernel glue datagrams of one sender together (UDP_GRO); whether it can.
    @discardableResult
    public borrowing func enableReceiveOffload() -> Bool {
        cplatform_set_receive_offload(descriptor, true) == 0
    }
}

/// The addresses of the machine.
public enum InterfaceAddress {
    /// The literal addresses of all interfaces that are up, without link-local ones, the loopback ones included.
    public static func all() -> [String] {
        var text = [CChar](repeating: 0, count: 64 * 1024)
        // SAFETY: the C function writes within the capacity and ends the text by zero.
        guard unsafe cplatform_interface_addresses(&text, text.count) == 0 else { return [] }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            line.split(separator: " ").last.map(String.init)
        }
    }
}
