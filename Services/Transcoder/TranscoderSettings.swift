import Configuration

/// The settings of the transcoder, from the environment.
struct TranscoderSettings: Sendable {
    var redisBusURL: String
    /// Renditions of sound that this worker makes at a time.
    var soundLimit: Int
    /// Renditions of pictures that this worker makes at a time.
    var pictureLimit: Int
    /// Bits a second of a channel of sound as Opus.
    var opusBitRate: Int
    /// Bits a second of a channel of sound as AAC.
    var aacBitRate: Int
    /// The most bits a second of pictures without B-frames.
    var pictureBitRate: Int
    /// The address space of the process.
    var memoryByteLimit: Int

    init(from reader: inout EnvironmentReader) {
        redisBusURL = reader.required("REDIS_BUS_URL", shared: true)
        soundLimit = reader.integer("SOUND_LIMIT", in: 0...10_000, default: 100)
        pictureLimit = reader.integer("PICTURE_LIMIT", in: 0...1000, default: 2)
        opusBitRate = reader.integer("OPUS_BITRATE", in: 16_000...128_000, default: 48_000)
        aacBitRate = reader.integer("AAC_BITRATE", in: 32_000...160_000, default: 64_000)
        pictureBitRate = reader.integer("PICTURE_BITRATE", in: 200_000...50_000_000, default: 6_000_000)
        memoryByteLimit = reader.bytes("MEMORY_BYTES", in: 1 << 30...1 << 40, default: 8 << 30)
    }
}
