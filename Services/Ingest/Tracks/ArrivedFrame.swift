import RTMP

/// One coded frame of a publisher whose transport has no messages of its own.
struct ArrivedFrame: Sendable, Equatable {
    /// The frame in the form that tracks take.
    var packet: MediaPacket
    /// Whether it is a picture.
    var isVideo: Bool
    /// The decode time on the publisher's clock in milliseconds, wrapping.
    var timestamp: UInt32
    /// The place of its layer among those that the publisher has announced, where there are several.
    var layer: Int?

    /// The bytes of the coded frame.
    var byteCount: Int {
        if case .coded(let frame) = packet.content { return frame.payload.count }
        return 0
    }
}
