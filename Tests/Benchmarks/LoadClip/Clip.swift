import Bytes
public import RTMP

/// A pre-encoded FLV file that every publisher sends round and round.
public struct Clip: Sendable {
    /// The ways a file can fail to be a clip.
    public enum Failure: Error, Equatable {
        case notFLV
        case truncated
        case holdsNoMedia
    }

    /// The object of `onMetaData`, where the file has one.
    public private(set) var metadata: AMF0Value?
    /// The decoder configurations, sent once.
    public private(set) var headers: [MediaMessage] = []
    /// What is repeated, with times from 0.
    public private(set) var frames: [MediaMessage] = []
    /// Milliseconds after which the first frame follows the last again.
    public private(set) var duration: UInt32 = 0

    /// Whether pictures say when they are sent.
    public var isMarked = false

    /// Reads a file.
    public init(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes.span)
        do {
            guard try reader.readUInt24() == 0x46_4c56 else { throw Failure.notFLV }
            try reader.skip(2)
            let headerByteCount = Int(try reader.read(UInt32.self))
            try reader.skip(headerByteCount - 9)
            while reader.remaining >= 15 { try readTag(&reader) }
        } catch is ByteReader.Failure {
            throw Failure.truncated
        }
        guard let first = frames.first, let last = frames.last else { throw Failure.holdsNoMedia }
        let interval = (last.timestamp - first.timestamp) / UInt32(max(frames.count - 1, 1))
        duration = last.timestamp - first.timestamp + max(interval, 1)
        for index in frames.indices { frames[index].timestamp -= first.timestamp }
    }

    private mutating func readTag(_ reader: inout ByteReader) throws {
        try reader.skip(4)
        let type = try reader.read(UInt8.self)
        let byteCount = Int(try reader.readUInt24())
        let low = try reader.readUInt24()
        let timestamp = UInt32(try reader.read(UInt8.self)) << 24 | low
        try reader.skip(3)
        let body = try reader.takeArray(byteCount)
        switch type {
        case 8: add(MediaMessage(.audio, timestamp: timestamp, payload: body))
        case 9: add(MediaMessage(.video, timestamp: timestamp, payload: body))
        default: metadata = metadata ?? AMF0Decoder.leadingValues(in: body.span).last
        }
    }

    private mutating func add(_ message: MediaMessage) {
        let packets: [MediaPacket]?
        switch message.kind {
        case .audio: packets = try? AudioTag.packets(in: message.payload)
        case .video: packets = try? VideoTag.packets(in: message.payload)
        }
        switch packets?.first?.content {
        case .sequenceStart: headers.append(message)
        case .coded: frames.append(message)
        default: break
        }
    }
}
