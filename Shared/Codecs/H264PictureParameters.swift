/// What tells one H.264 picture parameter set from another (H.264 §7.3.2.2).
public enum H264PictureParameters {
    /// The number of the set in a NAL unit, or `nil` where it is none.
    public static func id(nalUnit: [UInt8]) -> Int? {
        guard let header = nalUnit.first, H264NALUnitType(header: header) == .pictureParameterSet else {
            return nil
        }
        var bits = ParameterBits(nalUnit.span.extracting(1..<nalUnit.count))
        return try? bits.unsigned(atMost: 255, .count)
    }
}
