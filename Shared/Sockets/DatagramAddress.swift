import Glibc

/// Where a datagram comes from or goes to, as sockets know it; IPv4 is written as mapped into IPv6.
public struct DatagramAddress: Hashable, Sendable {
    /// The first eight bytes of the IPv6 address.
    public var high: UInt64
    /// The last eight bytes of the IPv6 address.
    public var low: UInt64
    /// The port.
    public var port: UInt16

    private static let mappedPrefix: UInt64 = 0xffff

    /// Creates an address from its parts.
    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// Creates the IPv4 address whose four bytes are `v4`, the first one highest.
    public init(v4: UInt32, port: UInt16) {
        self.init(high: 0, low: Self.mappedPrefix << 32 | UInt64(v4), port: port)
    }

    /// Whether the address is of IPv4.
    @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The room that an address takes for the kernel.
    static let byteCount = MemoryLayout<sockaddr_in6>.size

    /// Reads what the kernel wrote.
    @inline(__always)
    init?(reading memory: UnsafeRawPointer) {
        // SAFETY: the memory has room for a sockaddr_in6, which is longer than a sockaddr_in.
        switch unsafe Int32(memory.load(as: sa_family_t.self)) {
        case AF_INET:
            let address = unsafe memory.load(as: sockaddr_in.self)
            self.init(
                v4: UInt32(bigEndian: address.sin_addr.s_addr),
                port: UInt16(bigEndian: address.sin_port)
            )
        case AF_INET6:
            let port = unsafe UInt16(bigEndian: memory.load(fromByteOffset: 2, as: UInt16.self))
            let high = unsafe UInt64(bigEndian: memory.load(fromByteOffset: 8, as: UInt64.self))
            let low = unsafe UInt64(bigEndian: memory.load(fromByteOffset: 16, as: UInt64.self))
            self.init(high: high, low: low, port: port)
        default: return nil
        }
    }

    /// Writes the address for the kernel and returns its length there.
    @inline(__always)
    func write(to memory: UnsafeMutableRawPointer) -> UInt32 {
        // SAFETY: the memory has room for a sockaddr_in6.
        if isV4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            unsafe memory.storeBytes(of: address, as: sockaddr_in.self)
            return UInt32(MemoryLayout<sockaddr_in>.size)
        }
        unsafe memory.initializeMemory(as: sockaddr_in6.self, to: sockaddr_in6())
        unsafe memory.storeBytes(of: sa_family_t(AF_INET6), as: sa_family_t.self)
        unsafe memory.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        unsafe memory.storeBytes(of: high.bigEndian, toByteOffset: 8, as: UInt64.self)
        unsafe memory.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt64.self)
        return UInt32(MemoryLayout<sockaddr_in6>.size)
    }
}
