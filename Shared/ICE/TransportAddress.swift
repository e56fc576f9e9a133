/// An address of the internet layer.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address; `192.0.2.1` is 0xC0000201.
    case v4(UInt32)
    /// An IPv6 address, its first and its last eight bytes.
    case v6(high: UInt64, low: UInt64)

    /// What an IPv4 address inside IPv6 begins with: `::ffff:0:0/96`.
    private static let mappedPrefix: UInt64 = 0xffff

    /// Creates an address from IPv6, or IPv4 where that is mapped into IPv6.
    public init(high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == Self.mappedPrefix {
            self = .v4(UInt32(truncatingIfNeeded: low))
        } else {
            self = .v6(high: high, low: low)
        }
    }
}

/// Where a datagram comes from or goes to.
public struct TransportAddress: Hashable, Sendable {
    /// The host.
    public var ip: IPAddress
    /// The port of UDP or TCP.
    public var port: UInt16

    /// Creates an address.
    public init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address as people write it; IPv6 in the form of RFC 5952.
    public var description: String {
        switch self {
        case .v4(let bits):
            return stride(from: 24, through: 0, by: -8).map { "\(bits >> UInt32($0) & 255)" }
                .joined(separator: ".")
        case .v6(let high, let low): return Self.text(of: Self.groups(high) + Self.groups(low))
        }
    }

    private static func groups(_ half: UInt64) -> [UInt16] {
        stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
    }

    private static func text(of groups: [UInt16]) -> String {
        let hexadecimal = groups.map { String($0, radix: 16) }
        guard let zeros = longestZeros(in: groups) else { return hexadecimal.joined(separator: ":") }
        let front = hexadecimal[..<zeros.lowerBound].joined(separator: ":")
        return front + "::" + hexadecimal[zeros.upperBound...].joined(separator: ":")
    }

    /// The first of the longest runs of at least two groups of zero.
    private static func longestZeros(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 { start = index + 1 }
            if index + 1 - start > longest.count { longest = start..<index + 1 }
        }
        return longest.count > 1 ? longest : nil
    }
}

extension IPAddress {
    /// Reads an address as people write it, IPv4 with dots or IPv6 with colons.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(of: text) else { return nil }
            let halves = [groups.prefix(4), groups.suffix(4)].map { half in
                half.reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            }
            self.init(high: halves[0], low: halves[1])
        } else {
            guard let bits = Self.dotted(text) else { return nil }
            self = .v4(bits)
        }
    }

    private static func dotted(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            guard let byte = UInt8(part) else { return nil }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    /// The eight groups of an IPv6 address, which may have one `::` and end as IPv4.
    private static func groups(of text: some StringProtocol) -> [UInt16]? {
        let sides = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard sides.count <= 2 else { return nil }
        let parsed = sides.compactMap { side(String($0)) }
        guard parsed.count == sides.count, let front = parsed.first else { return nil }
        guard parsed.count == 2 else { return front.count == 8 ? front : nil }
        let missing = 8 - front.count - parsed[1].count
        guard missing >= 1 else { return nil }
        return front + [UInt16](repeating: 0, count: missing) + parsed[1]
    }

    private static func side(_ text: String) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let bits = dotted(part) {
                groups += [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else if (1...4).contains(part.utf8.count), let group = UInt16(part, radix: 16) {
                guard part.utf8.first != UInt8(ascii: "+") else { return nil }
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups.count <= 8 ? groups : nil
    }
}

extension TransportAddress: CustomStringConvertible {
    /// Host and port, the host in brackets where it is IPv6.
    public var description: String {
        switch ip {
        case .v4: "\(ip):\(port)"
        case .v6: "[\(ip)]:\(port)"
        }
    }
}
