import Bytes

/// Reads the bits of a parameter set, with this module's failures.
struct ParameterBits: ~Escapable {
    private var bits: BitReader

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { bits = BitReader(bytes) }

    var remaining: Int { bits.remaining }

    @_lifetime(self: copy self)
    mutating func flag() throws(CodecFailure) -> Bool { try field(1) == 1 }

    /// Reads an unsigned field of up to 32 bits.
    @_lifetime(self: copy self)
    mutating func field(_ bitCount: Int) throws(CodecFailure) -> Int {
        do { return Int(try bits.read(bitCount)) } catch { throw CodecFailure(error) }
    }

    @_lifetime(self: copy self)
    mutating func skip(_ bitCount: Int) throws(CodecFailure) {
        do { try bits.skip(bitCount) } catch { throw CodecFailure(error) }
    }

    /// Reads an unsigned Exp-Golomb code.
    @_lifetime(self: copy self)
    mutating func unsigned() throws(CodecFailure) -> Int {
        do { return Int(try bits.readUnsignedExpGolomb()) } catch { throw CodecFailure(error) }
    }

    /// Reads an unsigned Exp-Golomb code that counts or sizes something, at most `limit`.
    @_lifetime(self: copy self)
    mutating func unsigned(
        atMost limit: Int,
        _ field: CodecFailure.Field
    ) throws(CodecFailure) -> Int {
        let value = try unsigned()
        guard value <= limit else { throw .invalid(field: field, value: value) }
        return value
    }

    /// Reads a signed Exp-Golomb code.
    @_lifetime(self: copy self)
    mutating func signed() throws(CodecFailure) -> Int {
        do { return Int(try bits.readSignedExpGolomb()) } catch { throw CodecFailure(error) }
    }

    /// Passes over `count` unsigned Exp-Golomb codes.
    @_lifetime(self: copy self)
    mutating func skipUnsigned(_ count: Int) throws(CodecFailure) {
        for _ in 0..<max(0, count) { _ = try unsigned() }
    }

    @_lifetime(self: copy self)
    mutating func alignToByte() throws(CodecFailure) { try skip((8 - bits.bitOffset & 7) & 7) }
}

/// The size of a picture once its crop rectangle is off.
struct PictureSize {
    /// The largest width or height that is taken; more is a broken stream, not a picture.
    static let maximumExtent = 16_384

    var width: Int
    var height: Int

    /// Checks a coded size less what is cropped off it, in pixels.
    init(codedWidth: Int, codedHeight: Int, cropX: Int = 0, cropY: Int = 0) throws(CodecFailure) {
        width = codedWidth - cropX
        height = codedHeight - cropY
        guard (1...Self.maximumExtent).contains(width) else {
            throw .invalid(field: .pictureWidth, value: width)
        }
        guard (1...Self.maximumExtent).contains(height) else {
            throw .invalid(field: .pictureHeight, value: height)
        }
    }
}

/// Frame rates as bitstreams and metadata claim them.
enum FrameRate {
    /// The highest rate that is believed.
    static let maximum = 480.0
    /// The lowest rate that is believed.
    static let minimum = 0.1

    /// `ticks / period` where that is a rate a stream can have, else `nil`.
    static func plausible(_ ticks: Double, _ period: Double) -> Double? {
        guard ticks > 0, period > 0 else { return nil }
        let rate = ticks / period
        return rate >= minimum && rate <= maximum ? rate : nil
    }
}

extension FixedWidthInteger {
    /// Lower-case hexadecimal of at least `digits` digits.
    func hexadecimal(digits: Int) -> String { padded(String(self, radix: 16), to: digits) }

    /// Decimal of at least `digits` digits.
    func decimal(digits: Int) -> String { padded(String(self), to: digits) }

    private func padded(_ text: String, to digits: Int) -> String {
        String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
    }
}
