import Bytes
import Media

/// The sample entries of `stsd`: how a decoder is told what a track holds.
enum SampleEntry {
    /// Appends the sample entry of one configuration.
    static func write(_ configuration: TrackConfiguration, to writer: inout ByteWriter) {
        switch configuration.kind {
        case .video(let video): writeVisual(configuration, video, to: &writer)
        case .audio(let audio): writeAudio(configuration, audio, to: &writer)
        }
    }

    private static func writeVisual(
        _ configuration: TrackConfiguration,
        _ video: TrackConfiguration.Video,
        to writer: inout ByteWriter
    ) {
        writer.box(BoxType(configuration.codec.rawValue)) { writer in
            writeReference(to: &writer)
            writer.writeZeros(16)
            writer.write(UInt16(clamping: video.width))
            writer.write(UInt16(clamping: video.height))
            writer.write(UInt32(0x0048_0000))  // 72 dpi
            writer.write(UInt32(0x0048_0000))
            writer.write(UInt32(0))
            writer.write(UInt16(1))  // frames in a sample
            writer.writeZeros(32)  // compressor name
            writer.write(UInt16(0x0018))
            writer.write(Int16(-1))
            writer.box(decoderBox(of: configuration.codec), contents: configuration.decoderConfiguration)
        }
    }

    private static func writeAudio(
        _ configuration: TrackConfiguration,
        _ audio: TrackConfiguration.Audio,
        to writer: inout ByteWriter
    ) {
        let type: BoxType = configuration.codec == .mp3 ? "mp4a" : BoxType(configuration.codec.rawValue)
        writer.box(type) { writer in
            writeReference(to: &writer)
            writer.writeZeros(8)
            writer.write(UInt16(clamping: audio.channelCount))
            writer.write(UInt16(16))
            writer.write(UInt32(0))
            // 16.16; a rate that does not fit is said by the decoder configuration alone.
            writer.write(audio.sampleRate <= 0xffff ? UInt32(clamping: audio.sampleRate) << 16 : 0)
            writeAudioDecoder(configuration, to: &writer)
        }
    }

    private static func writeReference(to writer: inout ByteWriter) {
        writer.writeZeros(6)
        writer.write(UInt16(1))
    }

    private static func writeAudioDecoder(_ configuration: TrackConfiguration, to writer: inout ByteWriter) {
        let contents = configuration.decoderConfiguration
        switch configuration.codec {
        case .aac: writeElementaryStream(objectType: 0x40, specific: contents, to: &writer)
        case .mp3: writeElementaryStream(objectType: 0x6b, specific: [], to: &writer)
        case .alaw, .mulaw: break
        case .flac where !contents.starts(with: [0, 0, 0, 0]):
            writer.fullBox("dfLa") { $0.write(contentsOf: contents) }
        default: writer.box(decoderBox(of: configuration.codec), contents: contents)
        }
    }

    private static func decoderBox(of codec: Codec) -> BoxType {
        switch codec {
        case .h264: "avcC"
        case .hevc: "hvcC"
        case .av1: "av1C"
        case .vp9, .vp8: "vpcC"
        // G.711 has nothing to configure, and so no box.
        case .aac, .mp3, .alaw, .mulaw: "esds"
        case .opus: "dOps"
        case .ac3: "dac3"
        case .eac3: "dec3"
        case .flac: "dfLa"
        }
    }

    /// Appends `esds` (ISO/IEC 14496-14 §5.6): ES, decoder configuration and SL descriptors.
    private static func writeElementaryStream(
        objectType: UInt8,
        specific: [UInt8],
        to writer: inout ByteWriter
    ) {
        var decoder = ByteWriter()
        decoder.write(objectType)
        decoder.write(UInt8(0x15))  // an audio stream
        decoder.writeUInt24(0)
        decoder.write(UInt32(0))
        decoder.write(UInt32(0))
        if !specific.isEmpty { decoder.writeDescriptor(0x05, specific) }
        var stream = ByteWriter()
        stream.write(UInt16(1))
        stream.write(UInt8(0))
        stream.writeDescriptor(0x04, decoder.bytes)
        stream.writeDescriptor(0x06, [0x02])
        writer.fullBox("esds") { $0.writeDescriptor(0x03, stream.bytes) }
    }
}

extension ByteWriter {
    /// Appends an MPEG-4 descriptor, its length in four bytes of seven bits.
    fileprivate mutating func writeDescriptor(_ tag: UInt8, _ contents: [UInt8]) {
        write(tag)
        for shift in [21, 14, 7] {
            write(UInt8(truncatingIfNeeded: contents.count >> shift) | 0x80)
        }
        write(UInt8(truncatingIfNeeded: contents.count) & 0x7f)
        write(contentsOf: contents)
    }
}
