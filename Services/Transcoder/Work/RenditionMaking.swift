import Contracts
import Media

/// What turns a source's samples into a rendition's.
///
/// It is used on one event loop, and what it puts out comes there too.
protocol RenditionMaking: AnyObject {
    /// The configuration of the rendition, `nil` until enough of the source has been seen.
    var configuration: TrackConfiguration? { get }

    /// Takes note of the source's tracks.
    ///
    /// - Returns: `false` where the rendition cannot be made of them.
    func use(_ session: SessionDescription, _ tracks: [TrackConfiguration]) -> Bool

    /// Takes the source's next samples.
    func take(_ samples: [BusSample])

    /// Takes note that samples of the source are missing before the next.
    func loseSamples()

    /// Makes the next picture a keyframe; of sound every packet is one.
    func makeKeyframe()

    /// Puts out what is left.
    func finish() async
}

/// What a maker of a rendition tells who runs it, on the loop.
enum RenditionOutput: Sendable {
    /// The configuration has become known or has changed.
    case configuration(TrackConfiguration)
    /// The next samples.
    case samples([BusSample])
    /// So many samples of the source could not be decoded.
    case damaged(UInt64)
    /// The source cannot be decoded, or the rendition cannot be made.
    case failed
}
