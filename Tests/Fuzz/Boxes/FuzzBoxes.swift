import Bytes
import FuzzDriver
import ISOBMFF

/// Reads any bytes as CMAF chunks, and wants every chunk back from what the writer makes of it.
@main enum FuzzBoxes {
    static func main() {
        FuzzDriver.run { bytes in
            guard let chunks = try? FragmentParser.chunks(of: bytes) else { return }
            for chunk in chunks where chunk.fragment.payloadByteCount < 1 << 20 {
                var writer = ByteWriter()
                chunk.fragment.writeHead(to: &writer)
                writer.writeZeros(chunk.fragment.payloadByteCount)
                let again = try? FragmentParser.chunks(of: writer.bytes.span)
                precondition(again?.first?.fragment == chunk.fragment)
            }
        }
    }
}
