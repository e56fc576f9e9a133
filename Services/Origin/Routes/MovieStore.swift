import HTTPServing
import ISOBMFF
import Media

/// Makes `file.mp4` views of sessions.
final class MovieStore: Sendable {
    init(volume: Volume) {}
}
