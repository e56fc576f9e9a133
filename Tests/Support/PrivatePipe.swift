public import Foundation

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
