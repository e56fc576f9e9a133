import CPlatform
import Foundation
import RTMP
import Reactor
import Sockets

/// Takes every publisher and throws its media away: what the protocol alone costs, and a recorder of peers.
///
/// `PublishSink [port] [folder]` prints its port, records what each connection sends as `<n>.bin` in the
/// folder, and prints its processor time and memory when its input ends. `PublishSink measure` needs no
/// network.
@main enum Main {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "measure" { return Measurement.run() }
        let port = arguments.first.flatMap { UInt16($0) } ?? 0
        let sink = Sink(loop: EventLoop(name: "sink"), folder: arguments.dropFirst().first)
        let line = "\(try await sink.start(port: port))\n"
        FileHandle.standardOutput.write(Data(line.utf8))
        while readLine() != nil {}
        print(await sink.summary)
    }
}

/// The listener and its connections.
actor Sink {
    private let loop: EventLoop
    private let folder: String?
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var listener: TCPListener?
    private var connections: [CInt: SinkConnection] = [:]
    private var count = 0
    private var mediaCount = 0

    init(loop: EventLoop, folder: String?) {
        self.loop = loop
        self.folder = folder
    }

    func start(port: UInt16) throws -> UInt16 {
        let configuration = TCPListener.Configuration(address: "127.0.0.1", port: port)
        let listener = try TCPListener(configuration, loop: loop) { accepted in
            let descriptor = accepted.takeDescriptor()
            self.assumeIsolated { $0.adopt(descriptor) }
        }
        listener.start()
        self.listener = listener
        return listener.port
    }

    var summary: String {
        let seconds = Double(cplatform_cpu_microseconds()) / 1e6
        return "\(count) connections, \(mediaCount) messages, \(seconds) s of processor time, "
            + "\(cplatform_resident_bytes() >> 10) KiB"
    }

    private func adopt(_ descriptor: CInt) {
        count += 1
        let file = folder.map { "\($0)/\(count).bin" }
        let connection = SinkConnection(StreamSocket(owning: descriptor), file: file) { media in
            self.assumeIsolated { $0.note(descriptor, media) }
        }
        connections[descriptor] = connection
        loop.watch(descriptor, for: .readable, handler: connection)
    }

    /// Counts messages; `nil` says that the connection is over.
    private func note(_ descriptor: CInt, _ media: Int?) {
        if let media {
            mediaCount += media
        } else {
            loop.unwatch(descriptor)
            connections[descriptor] = nil
        }
    }
}

/// One publisher's socket.
final class SinkConnection: EventHandler {
    private static let nonce = [UInt8](repeating: 0xa5, count: ServerHandshake.nonceByteCount)

    private let socket: StreamSocket
    private let note: (Int?) -> Void
    private let file: FileHandle?
    private var session = ServerSession(nonce: nonce, now: EventLoop.now)
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var actions: [ServerSession.Action] = []

    init(_ socket: consuming StreamSocket, file: String?, note: @escaping (Int?) -> Void) {
        self.socket = socket
        self.note = note
        if let file { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        self.file = file.flatMap { FileHandle(forWritingAtPath: $0) }
    }

    func ready(_ events: EventSet) {
        let outcome = unsafe buffer.withUnsafeMutableBytes { bytes in
            // SAFETY: the buffer lives for the call, and the socket writes within it.
            unsafe socket.receive(into: bytes)
        }
        switch outcome {
        case .moved(let count): take(count)
        case .wouldBlock: break
        case .ended, .failed: note(nil)
        }
    }

    private func take(_ count: Int) {
        file?.write(Data(buffer[..<count]))
        actions.removeAll(keepingCapacity: true)
        session.receive(buffer.span.extracting(0..<count), at: EventLoop.now, into: &actions)
        perform(actions)
    }

    private func perform(_ actions: [ServerSession.Action]) {
        var mediaCount = 0
        for action in actions {
            switch action {
            case .send(let bytes): send(bytes)
            case .publishRequested(let request): perform(session.accept(request.id))
            case .media(let media):
                mediaCount += 1
                switch media.kind {
                case .audio: _ = try? AudioTag.packets(in: media.payload)
                case .video: _ = try? VideoTag.packets(in: media.payload)
                }
            case .close: return note(nil)
            case .metadata, .unpublish: break
            }
        }
        note(mediaCount)
    }

    /// Answers are small: what the kernel does not take at once, this tool does without.
    private func send(_ bytes: [UInt8]) {
        _ = unsafe bytes.withUnsafeBytes { bytes in
            // SAFETY: the bytes live for the call.
            unsafe socket.send(bytes)
        }
    }
}
