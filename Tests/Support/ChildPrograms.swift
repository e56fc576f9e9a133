public import Foundation
import Synchronization

extension Pipe {
    /// A pipe that only the program it is handed to keeps.
    ///
    /// Tests start programs side by side. One that inherited another's pipe by chance would keep it open, and
    /// whoever waits for its end would wait for ever.
    public static func notInherited() -> Pipe {
        let pipe = Pipe()
        for handle in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        return pipe
    }
}

extension Process {
    private static let starting = Mutex(())

    /// Starts the program while no other is being started.
    ///
    /// `Process` learns of a program's end by a socket that a program started in the same moment would inherit and
    /// hold open: whoever waits for the first would then wait for the second too.
    public func runAlone() throws {
        try Self.starting.withLock { _ in try run() }
    }
}
