import Bytes
import FuzzDriver
import SDP

/// Reads any text as a fragment; what is read is written and says the same again.
@main enum FuzzSDPFragment {
    static func main() {
        FuzzDriver.run { bytes in
            let text = String(decoding: [UInt8](copying: bytes), as: UTF8.self)
            guard let fragment = try? TrickleFragment(text) else { return }
            guard let again = try? TrickleFragment(fragment.text) else { return }
            precondition(again.candidates == fragment.candidates && again.fragment == fragment.fragment)
        }
    }
}
