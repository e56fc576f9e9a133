/// The packets that a receiver waits for, and when it asks for which.
struct MissingPackets: Sendable {
    private struct Entry {
        var sequence: Int64
        var noticed: UInt64
        var nextRequest: UInt64
        var lastRequest: UInt64 = 0
        var requestCount = 0
    }

    /// Packets asked for at once, so that the request fits into a datagram.
    static let requestLimit = 256

    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    /// When the oldest gap was noticed.
    var firstNoticed: UInt64? { entries.first?.noticed }

    /// When the gap before `sequence` was noticed, or `nil` where it is not waited for.
    func noticed(_ sequence: Int64) -> UInt64? {
        index(of: sequence).map { entries[$0].noticed }
    }

    /// Waits for the packets in `range`, which are newer than all others.
    mutating func notice(_ range: Range<Int64>, now: UInt64, tolerance: UInt64) {
        for sequence in range {
            entries.append(Entry(sequence: sequence, noticed: now, nextRequest: now &+ tolerance))
        }
    }

    /// Waits no more for a packet.
    mutating func remove(_ sequence: Int64) {
        if let index = index(of: sequence) { entries.remove(at: index) }
    }

    /// When a packet was asked for, where it was asked for once: only then is it known what an answer answers.
    func onlyRequest(of sequence: Int64) -> UInt64? {
        guard let index = index(of: sequence), entries[index].requestCount == 1 else { return nil }
        return entries[index].lastRequest
    }

    /// Waits no more for the packets before `sequence`.
    mutating func remove(before sequence: Int64) {
        entries.removeSubrange(..<place(of: sequence))
    }

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    /// Takes out the packets to ask for now: those whose time has come, and those that `distance` newer packets
    /// have overtaken without having been asked for.
    mutating func takeRequests(
        now: UInt64,
        overtakenBefore limit: Int64,
        again interval: UInt64,
        maximumCount: Int
    ) -> [UInt16] {
        var numbers: [UInt16] = []
        for index in entries.indices {
            let entry = entries[index]
            let isOvertaken = entry.requestCount == 0 && entry.sequence < limit
            guard entry.nextRequest <= now || isOvertaken else { continue }
            guard entry.requestCount < maximumCount, numbers.count < Self.requestLimit else { continue }
            entries[index].requestCount += 1
            entries[index].lastRequest = now
            entries[index].nextRequest = now &+ interval
            numbers.append(UInt16(truncatingIfNeeded: entry.sequence))
        }
        return numbers
    }

    /// When the next packet is to be asked for.
    func nextRequest(maximumCount: Int) -> UInt64? {
        entries.lazy.filter { $0.requestCount < maximumCount }.map(\.nextRequest).min()
    }

    private func index(of sequence: Int64) -> Int? {
        let place = place(of: sequence)
        return place < entries.count && entries[place].sequence == sequence ? place : nil
    }

    /// Where `sequence` stands or would stand among the entries, which rise.
    private func place(of sequence: Int64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
