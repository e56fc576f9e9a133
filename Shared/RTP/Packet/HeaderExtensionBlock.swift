import Bytes

/// A header extension ready to stand behind the fixed fields, and where in it the fields lie that change with
/// every packet.
public struct HeaderExtensionBlock: Sendable, Equatable {
    /// Profile, length, elements and their padding; a multiple of four bytes.
    public private(set) var bytes: [UInt8]
    /// Where the two bytes of the transport-wide sequence number lie, from the start of the packet.
    public private(set) var transportSequenceNumberOffset: Int?
    /// Where the three bytes of the absolute send time lie, from the start of the packet.
    public private(set) var absoluteSendTimeOffset: Int?
    /// Where the eight bytes of the capture time lie, from the start of the packet.
    public private(set) var absoluteCaptureTimeOffset: Int?

    private var isOneByte = true

    /// Lays out those of `extensions` that `ids` know, or returns `nil` where there is none.
    ///
    /// The one-byte form is taken wherever it suffices.
    public init?(_ extensions: HeaderExtensions, ids: HeaderExtensionIDs) {
        let elements = Self.elements(of: extensions, ids: ids)
        guard !elements.isEmpty else { return nil }
        bytes = [0, 0, 0, 0]
        isOneByte = elements.allSatisfy { $0.id < 15 && (1...16).contains($0.data.count) }
        let profile =
            isOneByte ? HeaderExtensionCursor.oneByteProfile : HeaderExtensionCursor.twoByteProfile
        for element in elements { append(element) }
        while bytes.count % 4 != 0 { bytes.append(0) }
        let words = UInt32(truncatingIfNeeded: bytes.count / 4 - 1)
        var span = bytes.mutableSpan
        span.store(UInt32(profile) << 16 | words, at: 0)
    }

    private struct Element {
        var kind: HeaderExtensionKind
        var id: UInt8
        var data: [UInt8]
    }

    private mutating func append(_ element: Element) {
        let count = UInt8(truncatingIfNeeded: element.data.count)
        bytes += isOneByte ? [element.id << 4 | (count &- 1) & 15] : [element.id, count]
        let offset = RTPHeader.byteCount + bytes.count
        if element.kind == .transportSequenceNumber { transportSequenceNumberOffset = offset }
        if element.kind == .absoluteSendTime { absoluteSendTimeOffset = offset }
        if element.kind == .absoluteCaptureTime { absoluteCaptureTimeOffset = offset }
        bytes += element.data
    }

    private static func elements(of extensions: HeaderExtensions, ids: HeaderExtensionIDs) -> [Element] {
        var elements: [Element] = []
        for kind in HeaderExtensionKind.allCases {
            guard let id = ids[kind], let data = data(of: kind, in: extensions), data.count <= 255 else {
                continue
            }
            elements.append(Element(kind: kind, id: id, data: data))
        }
        return elements
    }

    private static func data(of kind: HeaderExtensionKind, in extensions: HeaderExtensions) -> [UInt8]? {
        switch kind {
        case .mid: extensions.mid.map { Array($0.utf8) }
        case .rid: extensions.rid.map { Array($0.utf8) }
        case .repairedRID: extensions.repairedRID.map { Array($0.utf8) }
        case .absoluteSendTime: extensions.absoluteSendTime.map { threeBytes($0) }
        case .transportSequenceNumber:
            extensions.transportSequenceNumber.map { [UInt8($0 >> 8), UInt8($0 & 255)] }
        case .playoutDelay:
            extensions.playoutDelay.map {
                threeBytes(UInt32($0.minimum & 0xfff) << 12 | UInt32($0.maximum & 0xfff))
            }
        case .absoluteCaptureTime: extensions.absoluteCaptureTime.map(bytes)
        case .audioLevel: extensions.audioLevel.map { [$0] }
        case .videoOrientation: extensions.videoOrientation.map { [$0] }
        }
    }

    private static func threeBytes(_ value: UInt32) -> [UInt8] {
        [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func bytes(_ capture: HeaderExtensions.AbsoluteCaptureTime) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(capture.time)
        if let offset = capture.clockOffset { writer.write(offset) }
        return writer.bytes
    }
}
