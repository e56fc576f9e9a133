/// What one viewer was sent.
struct SentAmounts: Sendable, Equatable {
    var packets: UInt64 = 0
    var bytes: UInt64 = 0
    var resent: UInt64 = 0
    var padding: UInt64 = 0
    var restarts: UInt64 = 0
    var layerSwitches: UInt64 = 0

    static func - (later: SentAmounts, earlier: SentAmounts) -> SentAmounts {
        SentAmounts(
            packets: later.packets &- earlier.packets,
            bytes: later.bytes &- earlier.bytes,
            resent: later.resent &- earlier.resent,
            padding: later.padding &- earlier.padding,
            restarts: later.restarts &- earlier.restarts,
            layerSwitches: later.layerSwitches &- earlier.layerSwitches
        )
    }
}
