import Glibc
import ICE
import Synchronization

/// A TCP connection that one endpoint has accepted and another one's peer has opened, on its way between both.
///
/// Where nobody takes it, it is closed.
final class ForeignConnection: Sendable {
    let pair: CandidatePair
    /// What has come by it: the check that told whose it is as a frame, and whatever was read with it.
    let received: [UInt8]
    private let descriptor: Mutex<CInt?>

    init(pair: CandidatePair, received: [UInt8], descriptor: CInt) {
        self.pair = pair
        self.received = received
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
