/// The ways decoding and encoding can fail.
public enum TranscodingFailure: Error, Equatable {
    /// There is no memory for the codec.
    case outOfMemory
    /// The installed libavcodec lacks the codec, or the codec does not take such media.
    case unsupported
    /// The packet is longer than ``SoundDecoder/longestPacket`` or ``PictureDecoder/longestPacket``.
    case tooLarge(Int)
    /// A frame of another length than the encoder takes.
    case wrongLength(Int)
    /// The library refused the media, with its own number.
    case refused(Int32)
}
