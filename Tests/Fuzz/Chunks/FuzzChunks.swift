import FuzzDriver
import RTMP

/// Reads any bytes as chunks, once whole and once in slices that the first byte tells, and compares.
@main enum FuzzChunks {
    static func main() {
        FuzzDriver.run { bytes in
            guard bytes.count > 1 else { return }
            let slice = Int(bytes[0]) % 32 + 1
            let rest = bytes.extracting(1..<bytes.count)
            precondition(read(rest, slice: rest.count) == read(rest, slice: slice))
        }
    }

    private static func read(_ bytes: Span<UInt8>, slice: Int) -> [RawMessage] {
        var limits = ChunkReader.Limits()
        limits.partialByteCount = 1 << 20
        var reader = ChunkReader(limits: limits)
        var messages: [RawMessage] = []
        for start in stride(from: 0, to: bytes.count, by: slice) {
            let part = bytes.extracting(start..<min(start + slice, bytes.count))
            var offset = 0
            do throws(ChunkReader.Failure) {
                while let message = try reader.next(in: part, from: &offset) {
                    messages.append(message)
                    if let understood = try? Message(message) { _ = understood.raw }
                }
            } catch {
                return messages
            }
        }
        return messages
    }
}
