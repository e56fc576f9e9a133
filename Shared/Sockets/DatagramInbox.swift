import CPlatform
import Glibc

/// Memory for a batch of received datagrams, used again and again by one thread.
@safe public final class DatagramInbox {
    /// The most datagrams of one batch.
    public let capacity: Int
    /// The most bytes of one datagram; longer ones are cut by the kernel and dropped.
    public let datagramByteLimit: Int
    /// The datagrams of the last batch.
    public private(set) var count = 0

    // SAFETY: allocated once for `capacity` slots and freed once; slot `index` belongs to datagram `index`.
    private let headers: UnsafeMutablePointer<cplatform_datagram>
    private let vectors: UnsafeMutablePointer<iovec>
    private let names: UnsafeMutableRawPointer
    private let controls: UnsafeMutableRawPointer
    private let slab: UnsafeMutableRawPointer
    private let controlByteCount: Int
    private let slotByteCount: Int
    private static let nameByteCount = 32

    /// Allocates a batch.
    public init(capacity: Int, datagramByteLimit: Int) {
        self.capacity = capacity
        self.datagramByteLimit = datagramByteLimit
        slotByteCount = (datagramByteLimit + 63) / 64 * 64
        controlByteCount = cplatform_segment_control_bytes()
        unsafe headers = .allocate(capacity: capacity)
        unsafe vectors = .allocate(capacity: capacity)
        unsafe names = .allocate(byteCount: capacity * Self.nameByteCount, alignment: 16)
        unsafe controls = .allocate(byteCount: capacity * controlByteCount, alignment: 16)
        unsafe slab = .allocate(byteCount: capacity * slotByteCount, alignment: 64)
        for index in 0..<capacity { prepare(index) }
    }

    deinit {
        unsafe headers.deallocate()
        unsafe vectors.deallocate()
        unsafe names.deallocate()
        unsafe controls.deallocate()
        unsafe slab.deallocate()
    }

    /// Receives what waits, at most ``capacity`` datagrams; returns their number.
    public func receive(from socket: borrowing DatagramSocket) -> Int {
        unsafe receive(from: socket.descriptor) { unsafe cplatform_receive_datagrams($0, $1, $2) }
    }

    /// Receives like ``receive(from:)``, but of longer datagrams the beginning, with the whole length.
    public func receiveBeginnings(from socket: borrowing DatagramSocket) -> Int {
        unsafe receive(from: socket.descriptor) { unsafe cplatform_peek_datagrams($0, $1, $2) }
    }

    /// The bytes of one datagram, valid until the next batch.
    @inline(__always)
    public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index < count)
        // SAFETY: the slot holds at least as many bytes as the kernel wrote.
        let length = unsafe min(Int(headers[index].length), datagramByteLimit)
        return unsafe UnsafeMutableRawBufferPointer(start: slab + index * slotByteCount, count: length)
    }

    /// The length of one datagram, which is more than its bytes where it was cut.
    public func length(_ index: Int) -> Int {
        precondition(index < count)
        return unsafe Int(headers[index].length)
    }

    /// Whether the kernel cut the datagram, so that it is of no use.
    @inline(__always)
    public func isCut(_ index: Int) -> Bool {
        precondition(index < count)
        return unsafe headers[index].header.msg_flags & CInt(MSG_TRUNC) != 0
    }

    /// Who sent one datagram.
    @inline(__always)
    public func source(_ index: Int) -> DatagramAddress? {
        precondition(index < count)
        return unsafe DatagramAddress(reading: names + index * Self.nameByteCount)
    }

    /// The length of each datagram but the last that the kernel glued into this one, or 0.
    public func segmentByteCount(_ index: Int) -> Int {
        precondition(index < count)
        return unsafe Int(cplatform_received_segment(&headers[index].header))
    }

    private func receive(
        from descriptor: CInt,
        by call: (CInt, UnsafeMutablePointer<cplatform_datagram>, CUnsignedInt) -> CInt
    ) -> Int {
        // The kernel has overwritten the lengths of names and controls that the last batch used.
        for index in 0..<count { restore(index) }
        count = max(0, Int(unsafe call(descriptor, headers, CUnsignedInt(capacity))))
        return count
    }

    private func prepare(_ index: Int) {
        // SAFETY: every pointer is to the slot's part of memory that lives as long as this object.
        unsafe vectors[index] = iovec(iov_base: slab + index * slotByteCount, iov_len: datagramByteLimit)
        var datagram = unsafe cplatform_datagram()
        unsafe datagram.header.msg_iov = vectors + index
        unsafe datagram.header.msg_iovlen = 1
        unsafe datagram.header.msg_name = names + index * Self.nameByteCount
        unsafe headers[index] = datagram
        restore(index)
    }

    private func restore(_ index: Int) {
        unsafe headers[index].header.msg_namelen = socklen_t(DatagramAddress.byteCount)
        unsafe headers[index].header.msg_control = controls + index * controlByteCount
        unsafe headers[index].header.msg_controllen = controlByteCount
    }
}
