import Bytes

/// Bytes that real encoders made, through ffmpeg 5.1.
enum RealBytes {
    /// x264, High, 1280×720, 30 frames a second.
    static let high = bytes(
        "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800"
    )
    /// x264, constrained baseline, 640×360, 25 frames a second.
    static let baseline = bytes(
        "0142c01effe100196742c01ed900a02ff97011000003000100000300320f162e4801000568cb83cb20"
    )
    /// x264, High interlaced, 1920×1080, 30 frames a second, cropped from 1088 rows.
    static let interlaced = bytes(
        "01640028ffe1001a67640028acd94078044fde0220000003002000000783e2c5b2c001000668fba3cb22c0fdf8f800"
    )
    /// x264, High 4:2:2, ten bits, 640×360.
    static let tenBits = bytes(
        "017a001effe1001b677a001eb6cd940a02ff89c044000003000400000300f03c58b65801000668ebe3cb22c0fefafa00"
    )
    /// x265, Main, 1280×720.
    static let hevc = bytes(
        "0101600000009000000000005df000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003"
            + "005d959809a10001002b42010101600000030090000003000003005da00280802d165959a4932bc05a02000003000200"
            + "0003003c10a2000100074401c172b46240"
    )
    /// x265, Main 10, 1920×1080.
    static let hevcMain10 = bytes(
        "01022000000090000000000078f000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003"
            + "0078959409a10001002c420101022000000300900000030000030078a003c08010e4d96565924caf0168080000030008"
            + "00000300f040a2000100074401c172b46240"
    )
    /// libaom, main, 640×360.
    static let av1 = bytes("81010c000a0b0000000cc4ff6736be4010")
    /// SVT-AV1, main, ten bits, 1280×720.
    static let av1TenBits = bytes("81054c000a0b0000002d4cffb3c02f8404")
    /// The start of the first temporal unit of libaom, 640×360.
    static let av1TemporalUnit = bytes("12000a0b0000000cc4ff6736be401032041400a0f8")
    /// libvpx-vp9, 640×360, as ffmpeg writes the box.
    static let vp9 = bytes("010000000015820202020000")
    /// The start of the first frame of libvpx-vp9, 640×360.
    static let vp9Keyframe = bytes("824983420027f016760438241c184a10")
    /// The start of the first frame of libvpx, 320×240.
    static let vp8Keyframe = bytes("706e009d012a4001f000000708858588")
    /// ffmpeg's AAC encoder: 48 kHz stereo, 44.1 kHz mono, 48 kHz with six channels.
    static let aac48 = bytes("119056e500")
    static let aac44 = bytes("120856e500")
    static let aac51 = bytes("11b056e500")
    /// The start of an ADTS stream, 48 kHz, the first frame 278 bytes long.
    static let adts = bytes("fff14c8024fffcde02004c6176633539")
    /// libopus in an Ogg file, and the same in an ISO file.
    static let opusHead = bytes("4f707573486561640102380180bb0000000000")
    static let opusBox = bytes("000201380000bb80000000")
    static let opusSurroundBox = bytes("000601380000bb800000010402000401020305")
    /// LAME, 44.1 kHz.
    static let mp3 = bytes("fffb5000")
    /// ffmpeg's AC-3 and E-AC-3 encoders at 48 kHz: stereo, and six channels with the box.
    static let ac3 = bytes("0b77fe95144043e106f46370c0c0c218")
    static let ac3Box = bytes("101140")
    static let eac3 = bytes("0b77037f3f87c00020f8200002004000")
    static let eac3Box = bytes("0e00200f00")
    /// ffmpeg's FLAC encoder, 48 kHz mono: version, flags, block header and STREAMINFO.
    static let flacBox = bytes(
        "0000000080000022120012000000c70005110bb802f000002580d9b81de011fef694f3e1d33694c8ae61"
    )

    static func bytes(_ text: String) -> [UInt8] { Hex.decode(text) ?? [] }
}
