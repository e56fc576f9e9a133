import Bytes
import FuzzDriver
import Tokens

/// Reads any text as a token whose code is always right, and as a path; what is read is written back.
@main enum FuzzMediaToken {
    static func main() {
        FuzzDriver.run { bytes in
            let text = String(decoding: [UInt8](copying: bytes), as: UTF8.self)
            checkToken(text)
            guard let path = MediaPath(text) else { return }
            precondition(!path.rest.contains("..") && MediaPath.isIdentifier(path.object))
        }
    }

    private static func checkToken(_ text: String) {
        // The code that stands in the text is taken for right, so that the payload is read too.
        let given = text.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        var key: UInt32 = 0
        let token = try? MediaToken(text, now: .min) { _, number in
            key = number
            return Base64.decode(given)
        }
        guard let token else { return }
        precondition(token.signed(key: key) { _ in Base64.decode(given) ?? [] } == text)
    }
}
