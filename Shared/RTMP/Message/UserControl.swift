internal import Bytes

/// An event about a stream or the connection (RTMP specification §7.1.7).
public enum UserControl: Sendable, Equatable {
    case streamBegin(streamID: UInt32)
    case streamEOF(streamID: UInt32)
    case streamDry(streamID: UInt32)
    case setBufferLength(streamID: UInt32, milliseconds: UInt32)
    case streamIsRecorded(streamID: UInt32)
    case pingRequest(timestamp: UInt32)
    case pingResponse(timestamp: UInt32)
    /// An event that this server has no use for, like those of SWF verification.
    case other(event: UInt16)

    /// Reads an event.
    init(_ bytes: Span<UInt8>) throws(ByteReader.Failure) {
        var reader = ByteReader(bytes)
        let event = try reader.read(UInt16.self)
        switch event {
        case 0: self = .streamBegin(streamID: try reader.read())
        case 1: self = .streamEOF(streamID: try reader.read())
        case 2: self = .streamDry(streamID: try reader.read())
        case 3: self = .setBufferLength(streamID: try reader.read(), milliseconds: try reader.read())
        case 4: self = .streamIsRecorded(streamID: try reader.read())
        case 6: self = .pingRequest(timestamp: try reader.read())
        case 7: self = .pingResponse(timestamp: try reader.read())
        default: self = .other(event: event)
        }
    }

    /// The body of the message.
    var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 10)
        switch self {
        case .streamBegin(let streamID): writer.write(event: 0, streamID)
        case .streamEOF(let streamID): writer.write(event: 1, streamID)
        case .streamDry(let streamID): writer.write(event: 2, streamID)
        case .setBufferLength(let streamID, let milliseconds):
            writer.write(event: 3, streamID)
            writer.write(milliseconds)
        case .streamIsRecorded(let streamID): writer.write(event: 4, streamID)
        case .pingRequest(let timestamp): writer.write(event: 6, timestamp)
        case .pingResponse(let timestamp): writer.write(event: 7, timestamp)
        case .other(let event): writer.write(event)
        }
        return writer.bytes
    }
}

extension ByteWriter {
    fileprivate mutating func write(event: UInt16, _ value: UInt32) {
        write(event)
        write(value)
    }
}
