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

    init(_ run: PayloadRun) {
        let sizes = (0..<run.count).map { run.range($0).count }
        let plain = sizes.count * Self.packetCost + Self.runCount(of: sizes) * Self.runCost
        let longest = sizes.max() ?? 0
        let paddings = sizes.dropLast().map { longest - $0 }
        let aligned = sizes.count * Self.packetCost + paddings.reduce(0, +) + Self.runCost
        guard aligned < plain, paddings.allSatisfy({ $0 <= Self.paddingLimit }) else {
            (payloads, self.paddings, cost) = (run, [], plain)
            return
        }
        let padded = (paddings + [0]).map { UInt8(clamping: $0) }
        payloads = Self.filled(run, padded)
        self.paddings = padded
        cost = aligned
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
