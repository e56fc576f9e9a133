import Foundation
import Media
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import Origin

@Suite struct VolumeTests {
    @Test(.timeLimit(.minutes(1)))
    func `a part is never taken before its writer has been made`() async throws {
        let folder = try TemporaryFolder.make("volume").path
        let volume = try Volume(root: folder, syncInterval: .seconds(3600))
        let part = try #require(try SyntheticStream.make(seconds: 2).parts().first)
        let track = part.head.track
        let result: Result<StoredRange, SystemCallError> = await withCheckedContinuation { written in
            // In one turn of the volume's thread one session ends and the next one's first part comes: what is
            // queued is then written before the thread has looked at anything that came after the end.
            volume.perform {
                let ended = volume.addWriter {
                    let name = ExtentName(track: track, epoch: 1, number: 0)
                    return TrackLogWriter(folder: folder, name: name, cut: nil, timescale: 90_000)
                }
                volume.removeWriter(ended)
                let begun = volume.addWriter {
                    let name = ExtentName(track: track, epoch: 2, number: 0)
                    return TrackLogWriter(folder: folder, name: name, cut: nil, timescale: 90_000)
                }
                volume.append(part, writer: begun) { written.resume(returning: $0) }
            }
        }
        let range = try result.get()
        #expect(range.extent.epoch == 2)
        #expect(range.byteCount == UInt64(part.bytes.count))
        #expect(volume.failures.current == 0)
    }
}
