import Contracts
import Media
import Reactor

/// The ways of one session to the bus: its own stream, and the renditions of further layers.
struct SessionOutlets {
    /// Makes the way of a session to its own stream, or to a rendition.
    typealias Maker = (SessionDescription, RenditionName?) -> BusOutlet

    private var own: BusOutlet?
    private var layers: [(track: TrackID, outlet: BusOutlet)] = []

    /// Tells the bus what the session and its tracks are now.
    ///
    /// - Parameters:
    ///   - renditions: The renditions of layers, by the tracks that they carry.
    ///   - make: Called for each way that is not there yet.
    mutating func describe(
        _ session: SessionDescription,
        tracks: [TrackConfiguration],
        renditions: [(track: TrackID, name: RenditionName)],
        make: Maker
    ) {
        let outlet = own ?? make(session, nil)
        own = outlet
        let ownTracks = tracks.filter { !$0.track.isLayer }
        outlet.assumeIsolated { $0.describe(session, tracks: ownTracks) }
        for (track, name) in renditions {
            guard let configuration = tracks.first(where: { $0.track == track }) else { continue }
            describe(name, as: session, configuration, make)
        }
    }

    /// A rendition is a session of its own with one track, numbered as the publisher's picture is.
    private mutating func describe(
        _ name: RenditionName,
        as session: SessionDescription,
        _ configuration: TrackConfiguration,
        _ make: Maker
    ) {
        var (session, picture) = (session, configuration)
        picture.track = .video
        session.layers = nil
        session.tracks = [.init(track: picture.track.rawValue, generation: picture.generation)]
        var outlet = layers.first { $0.track == configuration.track }?.outlet
        if outlet == nil {
            let new = make(session, name)
            layers.append((configuration.track, new))
            outlet = new
        }
        outlet?.assumeIsolated { [session, picture] in $0.describe(session, tracks: [picture]) }
    }

    /// Writes a sample of a track that has been described.
    func append(_ sample: BusSample) {
        guard sample.track.isLayer else {
            own?.assumeOnLoop { $0.append(sample) }
            return
        }
        var picture = sample
        picture.track = .video
        let outlet = layers.first { $0.track == sample.track }?.outlet
        outlet?.assumeOnLoop { $0.append(picture) }
    }

    /// Keeps others from taking the stream although nothing is written.
    func holdPlace() { own?.assumeIsolated { $0.holdPlace() } }

    /// All ways; the layers come first, so that their readers have all before the session's own stream ends.
    var all: [BusOutlet] { layers.map(\.outlet) + (own.map { [$0] } ?? []) }
}
