import Crypto
import Glibc
import SRTP
import Sockets

/// What one packet for one viewer costs: copied and protected, and with sending over loopback, in nanoseconds of CPU.
@main enum Main {
    private static let packetByteCount = 1188
    private static let burst = 9
    private static let rounds = 40

    static func main() throws {
        print("viewers  profile              protect  send runs  send single   ns/packet, 1200 B")
        for profile in SRTPProfile.allCases {
            for viewers in [1, 500, 3000] {
                let protect = unsafe measure(viewers, profile) { _, _ in }
                let (runs, single) = try (send(viewers, profile, true), send(viewers, profile, false))
                print("\(viewers)\t \(profile)\t \(protect)\t \(runs)\t \(single)")
            }
        }
    }

    private static func send(_ viewers: Int, _ profile: SRTPProfile, _ usesRuns: Bool) throws -> Int {
        let sink = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let source = try DatagramSocket(.init(address: "127.0.0.1", port: 0))
        let outbox = DatagramOutbox(usesRuns: usesRuns)
        let targets = (0..<viewers).map { DatagramAddress(v4: 0x7f00_0001 + UInt32($0), port: sink.port) }
        return unsafe measure(viewers, profile) { viewer, packet in
            let room = unsafe outbox.room(on: source)
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(packet))
            outbox.commit(packet.count, to: targets[viewer])
        }
    }

    /// Nanoseconds per packet of bursts to every viewer; `send` gets each protected packet.
    private static func measure(
        _ viewers: Int,
        _ profile: SRTPProfile,
        _ send: (Int, UnsafeMutableRawBufferPointer) -> Void
    ) -> Int {
        let salt = [UInt8](repeating: 1, count: profile.saltByteCount)
        let senders = (0..<viewers).map { viewer in
            Sender(
                SRTPMasterKey(key: (0..<16).map { UInt8(truncatingIfNeeded: $0 &* viewer) }, salt: salt),
                profile
            )
        }
        let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: packetByteCount, alignment: 16)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
        defer {
            unsafe plain.deallocate()
            unsafe room.deallocate()
        }
        unsafe plain.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe plain[0] = 0x80
        let repeats = max(1, rounds * 500 / viewers)
        let start = processorNanoseconds
        for round in 0..<repeats {
            for viewer in senders.indices {
                for packet in 0..<burst {
                    let sequence = round * burst + packet
                    unsafe plain[2] = UInt8(truncatingIfNeeded: sequence >> 8)
                    unsafe plain[3] = UInt8(truncatingIfNeeded: sequence)
                    unsafe room.copyMemory(from: UnsafeRawBufferPointer(plain))
                    guard let count = unsafe senders[viewer].sender.protectRTP(room, count: packetByteCount)
                    else { continue }
                    unsafe send(viewer, UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
                }
            }
        }
        return (processorNanoseconds - start) / (repeats * viewers * burst)
    }

    private final class Sender {
        var sender: SRTPSender
        init(_ master: SRTPMasterKey, _ profile: SRTPProfile) {
            sender = SRTPSender(master, profile: profile)
        }
    }

    private static var processorNanoseconds: Int {
        var time = timespec()
        // SAFETY: the kernel writes a local variable.
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
