import RTP

/// The payloads of one frame, filled up to one length where that lets the kernel take them in one go.
///
/// A run of packets of one length, with a shorter one at the end, costs the kernel little more than one packet; so some
/// bytes of padding (RFC 3550 §5.1) are cheaper than a second run for every viewer.
struct AlignedRun {
    /// What packets and runs cost for a viewer, counted in bytes of padding.
    private static let packetCost = 100
    private static let runCost = 600
    private static let paddingLimit = 255

    let payloads: PayloadRun
    /// The bytes at the end of each payload that are padding; empty where none has any.
    let paddings: [UInt8]
    /// What sending it costs, to compare several.
    let cost: Int

    /// Fills payloads up, where that is worth it.
    ///
    /// - Parameter isFollowed: Whether a short packet of sound may follow, which can end the run.
    init(_ run: PayloadRun, isFollowed: Bool = false) {
        let sizes = (0..<run.count).map { run.range($0).count }
        let longest = sizes.max() ?? 0
        let whole = sizes.map { longest - $0 }
        let none = sizes.map { _ in 0 }
        var (best, least) = (none, Self.cost(of: sizes, none, isFollowed))
        for paddings in [whole.dropLast() + none.suffix(1), whole]
        where paddings.allSatisfy({ $0 <= Self.paddingLimit }) {
            let cost = Self.cost(of: sizes, paddings, isFollowed)
            if cost < least { (best, least) = (paddings, cost) }
        }
        cost = least
        paddings = best == none ? [] : best.map { UInt8(clamping: $0) }
        payloads = paddings.isEmpty ? run : Self.filled(run, paddings)
    }

    private static func cost(of sizes: [Int], _ paddings: [Int], _ isFollowed: Bool) -> Int {
        let sent = zip(sizes, paddings).map { $0 + $1 } + (isFollowed ? [1] : [])
        return sizes.count * packetCost + paddings.reduce(0, +) + runCount(of: sent) * runCost
    }

    /// How many runs packets of these sizes become.
    static func runCount(of sizes: [Int]) -> Int {
        var count = 0
        var segment = 0
        for size in sizes {
            if size > segment {
                count += 1
                segment = size
            } else if size < segment {
                segment = 0
            }
        }
        return count
    }

    private static func filled(_ run: PayloadRun, _ paddings: [UInt8]) -> PayloadRun {
        var filled = PayloadRun(reservingCapacity: run.bytes.count + paddings.count * paddingLimit)
        for (index, padding) in paddings.enumerated() {
            var payload = run[index]
            if padding > 0 { payload += [UInt8](repeating: 0, count: Int(padding) - 1) + [padding] }
            filled.append(payload.span)
        }
        return filled
    }
}
