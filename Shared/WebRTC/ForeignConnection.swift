import Glibc
import ICE
import Synchronization

/// A TCP connection that one endpoint has accepted and another one's peer has opened, on its way between both.
///
/// Where nobody takes it, it is closed.
final class ForeignConnection: Sendable {
    let pair: CandidatePair
    /// The check that told whose it is.
    let check: [UInt8]
    private let descriptor: Mutex<CInt?>

    init(pair: CandidatePair, check: [UInt8], descriptor: CInt) {
        self.pair = pair
        self.check = check
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        if let descriptor = take() { Glibc.close(descriptor) }
    }

    /// The descriptor, once; it is the caller's then.
    func take() -> CInt? {
        descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
    }
}
