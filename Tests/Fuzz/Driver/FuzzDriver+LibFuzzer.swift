#if FUZZING
import Glibc
import Synchronization

// libFuzzer's own main would clash with Swift's, so its driver is called from ours.
@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

extension FuzzDriver {
    /// A closure read out of a generic box and put back gains a thunk each time; a structure does not.
    private struct Target {
        var body: Body
    }

    private static let target = Mutex<Target?>(nil)

    static func fuzz(_ body: @escaping Body) -> Never {
        target.withLock { $0 = Target(body: body) }
        var argumentCount = CommandLine.argc
        // SAFETY: the vector is the process's own and lives as long as it does.
        var arguments = unsafe CommandLine.unsafeArgv
        let status = unsafe runLibFuzzer(&argumentCount, &arguments) { bytes, count in
            let target = FuzzDriver.target.withLock { $0 }
            // SAFETY: libFuzzer's input lives for the call.
            let input = unsafe UnsafeBufferPointer(start: bytes, count: count)
            target?.body(unsafe Span(_unsafeElements: input))
            return 0
        }
        exit(status)
    }
}
#endif
