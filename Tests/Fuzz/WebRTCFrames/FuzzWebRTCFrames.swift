import FuzzDriver
import WebRTC

/// Reads any bytes as frames of a connection, whole and in two pieces, and wants the same frames.
@main enum FuzzWebRTCFrames {
    static func main() {
        FuzzDriver.run { input in
            let bytes = unsafe input.withUnsafeBufferPointer { unsafe Array($0) }
            let cut = bytes.isEmpty ? 0 : Int(bytes[0]) % bytes.count
            let whole = frames([bytes])
            let halves = frames([Array(bytes[..<cut]), Array(bytes[cut...])])
            precondition(whole == halves)
        }
    }

    private static func frames(_ pieces: [[UInt8]]) -> [[UInt8]] {
        var reader = FrameReader()
        var frames: [[UInt8]] = []
        for piece in pieces {
            unsafe piece.withUnsafeBytes { unsafe reader.add($0) }
            do {
                while let frame = try reader.next() { frames.append(frame) }
            } catch {
                break
            }
        }
        return frames
    }
}
