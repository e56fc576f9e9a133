import FuzzDriver
import RTMP

/// Decodes any bytes, and wants what was decoded back from what the encoder makes of it.
@main enum FuzzAMF0 {
    static func main() {
        FuzzDriver.run { bytes in
            let values = AMF0Decoder.leadingValues(in: bytes)
            let encoded = AMF0Encoder.encode(values)
            // Compared as bytes, since a number may be NaN.
            precondition(AMF0Encoder.encode(AMF0Decoder.leadingValues(in: encoded.span)) == encoded)
        }
    }
}
