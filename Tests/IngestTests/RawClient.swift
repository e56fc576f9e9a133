import Crypto
import Foundation
import Glibc
import Sockets
import TestSupport

/// A TCP client that sends what it is told and looks whether it is still welcome.
final class RawClient {
    private let descriptor: CInt

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // SAFETY: the address is a local variable of the size that is given.
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw SystemCallError(call: "connect", code: errno) }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        // SAFETY: the kernel reads within the array before the call returns.
        _ = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.send(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL))
        }
    }

    /// Whether the server has closed the connection.
    var isClosed: Bool {
        var scratch = [UInt8](repeating: 0, count: 8192)
        while true {
            // SAFETY: the kernel writes at most as many bytes as the array has.
            let count = unsafe recv(descriptor, &scratch, scratch.count, CInt(MSG_DONTWAIT))
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN }
        }
    }
}

/// A certificate that nobody has signed, for one test.
enum TestIdentity {
    static func make() throws -> TLSIdentity {
        let folder = try TemporaryFolder.make("tls")
        let key = folder.appendingPathComponent("key.pem").path
        let certificate = folder.appendingPathComponent("certificate.pem").path
        try ExternalTool.succeed(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                "-keyout", key,
                "-out", certificate,
            ]
        )
        return try TLSIdentity(certificateFile: certificate, keyFile: key)
    }
}
