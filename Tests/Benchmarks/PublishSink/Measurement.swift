import CPlatform
import RTMP

/// What the session and the tags cost on one core without any network.
enum Measurement {
    private static let nonce = [UInt8](repeating: 1, count: ServerHandshake.nonceByteCount)
    private static let microseconds: UInt64 = 2_000_000
    /// A second of 1 Mbit/s: 30 pictures and 47 frames of sound.
    private static let second: [MediaMessage] = {
        let picture = [0x27, 1, 0, 0, 0] + [UInt8](repeating: 9, count: 3745)
        let sound = [0xaf, 1] + [UInt8](repeating: 9, count: 256)
        let video = (0..<30).map { MediaMessage(.video, timestamp: UInt32($0 * 33), payload: picture) }
        let audio = (0..<47).map { MediaMessage(.audio, timestamp: UInt32($0 * 21), payload: sound) }
        return (video + audio).sorted { $0.timestamp < $1.timestamp }
    }()

    /// Prints the cost of reading with one message in each read, and with many.
    static func run() {
        measure("one message a read, chunks of 4096", chunkSize: 4096, readByteCount: nil)
        measure("64 KiB a read, chunks of 4096", chunkSize: 4096, readByteCount: 65_536)
        measure("one message a read, chunks of 128", chunkSize: 128, readByteCount: nil)
    }

    private static func measure(_ name: String, chunkSize: Int, readByteCount: Int?) {
        var target = PublishSession.Target(app: "live", tcURL: "rtmp://h/live", streamName: "main")
        target.chunkSize = chunkSize
        var client = PublishSession(target: target, nonce: nonce)
        var server = ServerSession(nonce: nonce, now: 0)
        join(&client, &server)
        let reads = reads(of: &client, byteCount: readByteCount)
        var actions: [ServerSession.Action] = []
        var messageCount = 0
        var byteCount = 0
        let start = cplatform_cpu_microseconds()
        while cplatform_cpu_microseconds() - start < microseconds {
            for read in reads {
                actions.removeAll(keepingCapacity: true)
                server.receive(read.span, at: 0, into: &actions)
                messageCount += count(actions)
                byteCount += read.count
            }
        }
        let elapsed = Double(cplatform_cpu_microseconds() - start) * 1000
        let perMessage = (elapsed / Double(messageCount)).rounded()
        let gigabits = (Double(byteCount) * 80 / elapsed).rounded() / 10
        print("\(name): \(perMessage) ns a message, \(gigabits) Gbit/s")
    }

    private static func count(_ actions: [ServerSession.Action]) -> Int {
        var count = 0
        for case .media(let media) in actions {
            let packets =
                try? media.kind == .audio
                ? AudioTag.packets(in: media.payload) : VideoTag.packets(in: media.payload)
            count += packets?.count ?? 0
        }
        return count
    }

    private static func reads(of client: inout PublishSession, byteCount: Int?) -> [[UInt8]] {
        var reads: [[UInt8]] = [[]]
        for _ in 0..<10 {
            for message in second {
                client.write(message, to: &reads[reads.count - 1])
                if let last = reads.last, last.count >= byteCount ?? 1 { reads.append([]) }
            }
        }
        return reads.filter { !$0.isEmpty }
    }

    private static func join(_ client: inout PublishSession, _ server: inout ServerSession) {
        var pending = client.start()
        while !pending.isEmpty {
            var answers: [UInt8] = []
            for action in server.receive(pending.span, at: 0) { answers += sent(action, &server) }
            pending = []
            for case .send(let bytes) in client.receive(answers.span) { pending += bytes }
        }
    }

    private static func sent(_ action: ServerSession.Action, _ server: inout ServerSession) -> [UInt8] {
        switch action {
        case .send(let bytes): bytes
        case .publishRequested(let request):
            server.accept(request.id).flatMap { sent($0, &server) }
        case .media, .metadata, .unpublish, .close: []
        }
    }
}
