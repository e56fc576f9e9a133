import Bytes
import Media

/// What init segments and flat movies write alike about one track.
struct TrackBoxes {
    /// The identity matrix of `mvhd` and `tkhd`.
    static let identity: [Int32] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000]

    var configuration: TrackConfiguration

    /// The number of the track in the file; ISO files count from 1.
    var trackID: UInt32 { UInt32(configuration.track.rawValue) + 1 }

    func writeHeader(duration: UInt64, to writer: inout ByteWriter) {
        // Enabled, in the movie.
        writer.fullBox("tkhd", version: 1, flags: 3) { writer in
            writer.writeZeros(16)
            writer.write(trackID)
            writer.write(UInt32(0))
            writer.write(duration)
            writer.writeZeros(8)
            writer.write(UInt16(0))
            writer.write(UInt16(configuration.isVideo ? 0 : 1))  // alternate group
            writer.write(Int16(configuration.isVideo ? 0 : 0x0100))  // volume
            writer.write(UInt16(0))
            for value in matrix { writer.write(value) }
            writer.write(UInt32(UInt16(clamping: configuration.video?.width ?? 0)) << 16)
            writer.write(UInt32(UInt16(clamping: configuration.video?.height ?? 0)) << 16)
        }
    }

    /// Turns the picture clockwise and moves it back into the positive quadrant.
    private var matrix: [Int32] {
        guard let video = configuration.video else { return Self.identity }
        let one: Int32 = 0x0001_0000
        let width = Int32(Int16(clamping: video.width)) << 16
        let height = Int32(Int16(clamping: video.height)) << 16
        switch ((video.rotation % 360) + 360) % 360 {
        case 90: return [0, one, 0, -one, 0, 0, height, 0, 0x4000_0000]
        case 180: return [-one, 0, 0, 0, -one, 0, width, height, 0x4000_0000]
        case 270: return [0, -one, 0, one, 0, 0, 0, width, 0x4000_0000]
        default: return Self.identity
        }
    }

    func writeMedia(
        duration: UInt64,
        to writer: inout ByteWriter,
        sampleTable: (inout ByteWriter) -> Void
    ) {
        writer.box("mdia") { writer in
            writer.fullBox("mdhd", version: 1) { writer in
                writer.writeZeros(16)
                writer.write(configuration.timescale)
                writer.write(duration)
                writer.write(languageCode)
                writer.write(UInt16(0))
            }
            writeHandler(to: &writer)
            if configuration.language != "und" {
                writer.fullBox("elng") { $0.writeCString(configuration.language) }
            }
            writer.box("minf") { writer in
                writeMediaHeader(to: &writer)
                writeDataInformation(to: &writer)
                writer.box("stbl") { sampleTable(&$0) }
            }
        }
    }

    private func writeHandler(to writer: inout ByteWriter) {
        writer.fullBox("hdlr") { writer in
            writer.write(UInt32(0))
            writer.write(BoxType(configuration.isVideo ? "vide" : "soun").rawValue)
            writer.writeZeros(12)
            writer.writeCString(configuration.label ?? (configuration.isVideo ? "Video" : "Sound"))
        }
    }

    private func writeMediaHeader(to writer: inout ByteWriter) {
        if configuration.isVideo {
            writer.fullBox("vmhd", flags: 1) { $0.writeZeros(8) }
        } else {
            writer.fullBox("smhd") { $0.writeZeros(4) }
        }
    }

    private func writeDataInformation(to writer: inout ByteWriter) {
        writer.box("dinf") { writer in
            writer.fullBox("dref") { writer in
                writer.write(UInt32(1))
                // The samples lie in this file.
                writer.fullBox("url ", flags: 1) { _ in }
            }
        }
    }

    /// Three letters of ISO 639-2 in five bits each; `und` for what has not three.
    private var languageCode: UInt16 {
        let letters = Array(configuration.language.utf8)
        let isCode = letters.count == 3 && letters.allSatisfy { (0x61...0x7a).contains($0) }
        let code = isCode ? letters : Array("und".utf8)
        return code.reduce(0) { $0 << 5 | UInt16($1 - 0x60) }
    }
}
