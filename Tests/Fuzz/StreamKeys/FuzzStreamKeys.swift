import Bytes
import FuzzDriver

// `StreamKey.swift` beside this file leads to that of Ingest, which is a program and cannot be imported.

/// Reads any text as a stream key; what is read stands in the text and is not empty.
@main enum FuzzStreamKeys {
    static func main() {
        FuzzDriver.run { bytes in
            let text = String(decoding: [UInt8](copying: bytes), as: UTF8.self)
            let key = StreamKey(text)
            precondition(key.candidates.count <= 1)
            precondition(key.candidates.isEmpty || text.utf8.count <= StreamKey.maximumByteCount)
            for candidate in key.candidates {
                precondition(!candidate.name.isEmpty && !candidate.secret.isEmpty)
                precondition(text.utf8.starts(with: candidate.name.utf8))
                precondition(candidate.name.utf8.count + candidate.secret.utf8.count < text.utf8.count)
            }
        }
    }
}
