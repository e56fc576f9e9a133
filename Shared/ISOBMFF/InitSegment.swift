import Bytes
public import Media

/// The init segment of one CMAF track: `ftyp` and a `moov` without samples.
public enum InitSegment {
    /// Returns the bytes for one configuration; equal configurations give equal bytes.
    public static func bytes(for configuration: TrackConfiguration) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 1024)
        writer.brands("ftyp", major: "iso6", compatible: ["iso6", "cmfc", "mp41"])
        let boxes = TrackBoxes(configuration: configuration)
        writer.box("moov") { writer in
            MovieHeader.write(
                timescale: configuration.timescale,
                duration: 0,
                nextTrackID: boxes.trackID + 1,
                to: &writer
            )
            writer.box("trak") { writer in
                boxes.writeHeader(duration: 0, to: &writer)
                boxes.writeMedia(duration: 0, to: &writer) { writeEmptySampleTable(configuration, to: &$0) }
            }
            writer.box("mvex") { writer in
                writer.fullBox("trex") { writer in
                    writer.write(boxes.trackID)
                    writer.write(UInt32(1))
                    writer.writeZeros(12)
                }
            }
        }
        return writer.bytes
    }

    private static func writeEmptySampleTable(
        _ configuration: TrackConfiguration,
        to writer: inout ByteWriter
    ) {
        writer.fullBox("stsd") { writer in
            writer.write(UInt32(1))
            SampleEntry.write(configuration, to: &writer)
        }
        writer.fullBox("stts") { $0.write(UInt32(0)) }
        writer.fullBox("stsc") { $0.write(UInt32(0)) }
        writer.fullBox("stsz") { $0.writeZeros(8) }
        writer.fullBox("stco") { $0.write(UInt32(0)) }
    }
}

/// The `mvhd` box.
enum MovieHeader {
    static func write(timescale: UInt32, duration: UInt64, nextTrackID: UInt32, to writer: inout ByteWriter) {
        writer.fullBox("mvhd", version: 1) { writer in
            writer.writeZeros(16)
            writer.write(timescale)
            writer.write(duration)
            writer.write(UInt32(0x0001_0000))  // rate
            writer.write(UInt16(0x0100))  // volume
            writer.writeZeros(10)
            for value in TrackBoxes.identity { writer.write(value) }
            writer.writeZeros(24)
            writer.write(nextTrackID)
        }
    }
}
