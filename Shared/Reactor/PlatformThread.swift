import CPlatform
import Glibc

/// Threads for loops and for C that blocks.
public enum PlatformThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    private static let stackByteCount = 1 << 20

    /// Starts a thread that runs `body` and ends.
    public static func detach(named name: String, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        var thread = pthread_t()
        // SAFETY: the attributes and the thread are locals that outlive the calls; the box is retained
        // here and released once, by the new thread.
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, stackByteCount)
        let box = unsafe Unmanaged.passRetained(Body(name: name, run: body)).toOpaque()
        let code = unsafe pthread_create(
            &thread,
            &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe cplatform_thread_name(body.name)
                body.run()
                return nil
            },
            box
        )
        precondition(code == 0, "no thread for \(name)")
        unsafe pthread_attr_destroy(&attributes)
        pthread_detach(thread)
    }
}
