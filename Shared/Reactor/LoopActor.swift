/// An actor that lives on one event loop.
public protocol LoopActor: Actor {
    /// The loop whose executor is the actor's.
    nonisolated var loop: EventLoop { get }
}

extension LoopActor {
    /// Does on the loop what `assumeIsolated` does, for what happens with every sample.
    ///
    /// It compares threads where the other looks through the runtime for the current executor, which costs more
    /// than most of what is called by it. Traps off the loop.
    @inlinable
    public nonisolated func assumeOnLoop<Value>(_ body: (isolated Self) -> Value) -> Value {
        precondition(loop.isInLoop)
        return withoutActuallyEscaping(body) { body in
            // SAFETY: the caller is on the actor's executor; an isolated parameter is passed like any other.
            unsafe unsafeBitCast(body, to: ((Self) -> Value).self)(self)
        }
    }
}
