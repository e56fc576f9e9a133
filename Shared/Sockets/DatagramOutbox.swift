import CPlatform
import Glibc

/// Memory for datagrams on their way out, used again and again by one thread.
///
/// Datagrams for one address that follow each other and have one length, the last one perhaps a shorter one, become a
/// run that the kernel cuts up (UDP_SEGMENT), which costs a fraction of as many sends. What the kernel does not take
/// at once waits, up to ``backlogByteLimit``; then the oldest goes.
@safe public final class DatagramOutbox {
    /// The most that a run may hold.
    public static let runByteLimit = 65_000
    /// The most datagrams of a run, which is the oldest kernels' limit.
    public static let runDatagramLimit = 64
    /// The longest datagram.
    public static let datagramByteLimit = 2048
    /// The runs of one system call.
    private static let runLimit = 128
    private static let nameByteCount = 32

    private struct Run {
        var address: DatagramAddress
        var offset: Int
        var byteCount: Int
        /// The length of each datagram but the last.
        var segment: Int
        var datagramCount: Int
        /// Whether a shorter datagram has ended the run.
        var isEnded: Bool
    }

    private struct Waiting {
        var address: DatagramAddress
        var bytes: [UInt8]
        var segment: Int
    }

    /// Datagrams given to the kernel.
    public private(set) var sentDatagramCount: UInt64 = 0
    /// System calls made.
    public private(set) var callCount: UInt64 = 0
    /// Datagrams dropped, because too much waited or the kernel refused them.
    public private(set) var droppedDatagramCount: UInt64 = 0
    /// Bytes that wait for the kernel.
    public private(set) var backlogByteCount = 0
    /// The most bytes that wait.
    public let backlogByteLimit: Int
    /// Whether runs are used; goes off for good when the kernel or the device cannot do it.
    public private(set) var usesRuns: Bool

    // SAFETY: allocated once and freed once; run `index` owns slot `index` of headers, vectors, names
    // and controls; runs are initialised up to their count.
    private let headers: UnsafeMutablePointer<cplatform_datagram>
    private let vectors: UnsafeMutablePointer<iovec>
    private let names: UnsafeMutableRawPointer
    private let controls: UnsafeMutableRawPointer
    private let slab: UnsafeMutableRawPointer
    private let slabByteCount: Int
    private let controlByteCount: Int
    private let runs: UnsafeMutableBufferPointer<Run>
    private var runCount = 0
    private var usedByteCount = 0
    private var waiting: [Waiting] = []
    private var firstWaiting = 0

    /// Allocates the memory.
    ///
    /// - Parameters:
    ///   - slabByteCount: Bytes of datagrams between two system calls.
    ///   - backlogByteLimit: Bytes that may wait for the kernel.
    ///   - usesRuns: Whether to try runs.
    public init(slabByteCount: Int = 512 * 1024, backlogByteLimit: Int = 8 << 20, usesRuns: Bool = true) {
        self.slabByteCount = max(slabByteCount, Self.runByteLimit + Self.datagramByteLimit)
        self.backlogByteLimit = backlogByteLimit
        self.usesRuns = usesRuns
        controlByteCount = cplatform_segment_control_bytes()
        unsafe headers = .allocate(capacity: Self.runLimit)
        unsafe vectors = .allocate(capacity: Self.runLimit)
        unsafe names = .allocate(byteCount: Self.runLimit * Self.nameByteCount, alignment: 16)
        unsafe controls = .allocate(byteCount: Self.runLimit * controlByteCount, alignment: 16)
        unsafe slab = .allocate(byteCount: self.slabByteCount, alignment: 64)
        unsafe runs = .allocate(capacity: Self.runLimit)
    }

    deinit {
        unsafe headers.deallocate()
        unsafe vectors.deallocate()
        unsafe names.deallocate()
        unsafe controls.deallocate()
        unsafe slab.deallocate()
        unsafe runs.deallocate()
    }

    /// Whether datagrams wait until the socket is writable.
    public var isBlocked: Bool { firstWaiting < waiting.count }

    /// Whether nothing is left for ``flush(to:)``.
    public var isEmpty: Bool { runCount == 0 }

    /// Room for one datagram of at most ``datagramByteLimit`` bytes, valid until the next call.
    @inline(__always)
    public func room(on socket: borrowing DatagramSocket) -> UnsafeMutableRawBufferPointer {
        if usedByteCount + Self.datagramByteLimit > slabByteCount || runCount == Self.runLimit {
            flush(to: socket)
        }
        // SAFETY: the slab has as many bytes left as were just checked.
        return unsafe UnsafeMutableRawBufferPointer(
            start: slab + usedByteCount,
            count: Self.datagramByteLimit
        )
    }

    /// Queues what was written to the beginning of the last ``room(on:)``.
    @inline(__always)
    public func commit(_ byteCount: Int, to address: DatagramAddress) {
        precondition(byteCount > 0 && byteCount <= Self.datagramByteLimit)
        let offset = usedByteCount
        usedByteCount += byteCount
        if extendRun(by: byteCount, to: address) { return }
        // SAFETY: `room(on:)` has seen to it that a run is left.
        let run = Run(
            address: address,
            offset: offset,
            byteCount: byteCount,
            segment: byteCount,
            datagramCount: 1,
            isEnded: !usesRuns
        )
        unsafe runs.initializeElement(at: runCount, to: run)
        runCount += 1
    }

    @inline(__always)
    private func extendRun(by byteCount: Int, to address: DatagramAddress) -> Bool {
        guard runCount > 0 else { return false }
        // SAFETY: runs before `runCount` are initialised.
        var run = unsafe runs[runCount - 1]
        guard !run.isEnded, byteCount <= run.segment, run.datagramCount < Self.runDatagramLimit,
            run.byteCount + byteCount <= Self.runByteLimit, run.address == address
        else { return false }
        run.byteCount += byteCount
        run.datagramCount += 1
        run.isEnded = byteCount < run.segment
        unsafe runs[runCount - 1] = run
        return true
    }

    // MARK: Sending

    /// Gives everything to the kernel, as far as it takes it; the rest waits.
    public func flush(to socket: borrowing DatagramSocket) {
        guard runCount > 0 else { return }
        var next = 0
        if isBlocked {
            retry(on: socket)
        }
        if !isBlocked {
            for index in 0..<runCount { unsafe fill(index, with: runs[index], at: slab + runs[index].offset) }
            next = send(from: 0, on: socket)
        }
        for index in next..<runCount {
            let run = unsafe runs[index]
            let bytes = unsafe UnsafeRawBufferPointer(start: slab + run.offset, count: run.byteCount)
            unsafe wait(Waiting(address: run.address, bytes: Array(bytes), segment: run.segment))
        }
        runCount = 0
        usedByteCount = 0
    }

    /// Sends what waits, when the socket has become writable.
    public func retry(on socket: borrowing DatagramSocket) {
        while isBlocked {
            let item = waiting[firstWaiting]
            let count = (item.bytes.count + item.segment - 1) / item.segment
            let result = unsafe item.bytes.withUnsafeBytes { bytes in
                unsafe sendOne(bytes, segment: item.segment, to: item.address, on: socket)
            }
            guard result != EAGAIN else { return }
            note(count, code: result)
            forgetOldest()
        }
    }

    /// Sends the prepared runs from `start` on; returns the first that the kernel has no room for.
    private func send(from start: Int, on socket: borrowing DatagramSocket) -> Int {
        var next = start
        while next < runCount {
            callCount &+= 1
            // SAFETY: the slots from `next` to the number of runs are filled.
            let sent = unsafe cplatform_send_datagrams(
                socket.descriptor,
                headers + next,
                CUnsignedInt(runCount - next)
            )
            if sent > 0 {
                for index in next..<next + Int(sent) { unsafe note(runs[index].datagramCount, code: 0) }
                next += Int(sent)
                continue
            }
            let code = errno
            if code == EAGAIN || code == ENOBUFS { return next }
            if code == EINTR { continue }
            unsafe refuse(runs[next], code: code, on: socket)
            next += 1
        }
        return next
    }

    /// The device may not be able to cut runs; then they are cut here, from now on.
    private func refuse(_ run: Run, code: CInt, on socket: borrowing DatagramSocket) {
        guard run.datagramCount > 1, code == EIO || code == EINVAL || code == EMSGSIZE else {
            return note(run.datagramCount, code: code)
        }
        if code == EIO { usesRuns = false }
        for start in stride(from: 0, to: run.byteCount, by: run.segment) {
            let count = min(run.segment, run.byteCount - start)
            let bytes = unsafe UnsafeRawBufferPointer(start: slab + run.offset + start, count: count)
            note(1, code: unsafe sendOne(bytes, segment: count, to: run.address, on: socket))
        }
    }

    /// Sends one run from any memory by a slot of its own; returns `errno` or 0.
    private func sendOne(
        _ bytes: UnsafeRawBufferPointer,
        segment: Int,
        to address: DatagramAddress,
        on socket: borrowing DatagramSocket
    ) -> CInt {
        var name: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var control: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var vector = unsafe iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
            iov_len: bytes.count
        )
        callCount &+= 1
        // SAFETY: all memory lives until the call returns; the kernel only reads it.
        return unsafe withUnsafeMutablePointer(to: &name) { name in
            unsafe withUnsafeMutablePointer(to: &control) { control in
                unsafe withUnsafeMutablePointer(to: &vector) { vector in
                    var datagram = unsafe cplatform_datagram()
                    unsafe datagram.header.msg_name = UnsafeMutableRawPointer(name)
                    unsafe datagram.header.msg_namelen = address.write(to: UnsafeMutableRawPointer(name))
                    unsafe datagram.header.msg_iov = vector
                    unsafe datagram.header.msg_iovlen = 1
                    if segment < bytes.count {
                        unsafe cplatform_set_segment(&datagram.header, control, UInt16(clamping: segment))
                    }
                    return unsafe cplatform_send_datagrams(socket.descriptor, &datagram, 1) == 1 ? 0 : errno
                }
            }
        }
    }

    private func fill(_ index: Int, with run: Run, at bytes: UnsafeMutableRawPointer) {
        // SAFETY: slot `index` exists, since there are never more runs than slots.
        let name = unsafe names + index * Self.nameByteCount
        unsafe vectors[index] = iovec(iov_base: bytes, iov_len: run.byteCount)
        var datagram = unsafe cplatform_datagram()
        unsafe datagram.header.msg_name = name
        unsafe datagram.header.msg_namelen = run.address.write(to: name)
        unsafe datagram.header.msg_iov = vectors + index
        unsafe datagram.header.msg_iovlen = 1
        if run.datagramCount > 1 {
            let control = unsafe controls + index * controlByteCount
            unsafe cplatform_set_segment(&datagram.header, control, UInt16(clamping: run.segment))
        }
        unsafe headers[index] = datagram
    }

    private func note(_ datagramCount: Int, code: CInt) {
        if code == 0 {
            sentDatagramCount &+= UInt64(datagramCount)
        } else {
            droppedDatagramCount &+= UInt64(datagramCount)
        }
    }

    // MARK: Waiting

    private func wait(_ item: Waiting) {
        waiting.append(item)
        backlogByteCount += item.bytes.count
        while backlogByteCount > backlogByteLimit, isBlocked {
            let oldest = waiting[firstWaiting]
            droppedDatagramCount &+= UInt64((oldest.bytes.count + oldest.segment - 1) / oldest.segment)
            forgetOldest()
        }
    }

    private func forgetOldest() {
        backlogByteCount -= waiting[firstWaiting].bytes.count
        waiting[firstWaiting].bytes = []
        firstWaiting += 1
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        } else if firstWaiting > 1024, firstWaiting * 2 > waiting.count {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }
}
