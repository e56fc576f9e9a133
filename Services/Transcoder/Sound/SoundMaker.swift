import Contracts
import Media
import MediaBus
import Transcoding

/// Makes renditions of sound, at once and on the loop: a packet takes a fifth of a millisecond.
final class SoundMaker: RenditionMaking {
    private let coding: SoundEncoder.Coding
    private let bitRate: Int
    private let earlier: BusResumption?
    private let output: (RenditionOutput) -> Void
    private var rendition: SoundRendition?
    private var damaged: UInt64 = 0

    /// Creates a maker.
    ///
    /// - Parameters:
    ///   - bitRate: Bits a second of each channel.
    ///   - earlier: What an earlier maker left, of this session or of another.
    init(
        _ coding: SoundEncoder.Coding,
        bitRate: Int,
        after earlier: BusResumption?,
        output: @escaping (RenditionOutput) -> Void
    ) {
        self.coding = coding
        self.bitRate = bitRate
        self.earlier = earlier
        self.output = output
    }

    var configuration: TrackConfiguration? { rendition?.configuration }

    func use(_ session: SessionDescription, _ tracks: [TrackConfiguration]) -> Bool {
        guard let source = Self.source(in: session, tracks) else { return false }
        if let rendition {
            // Another track is another rendition, for whoever claims it next.
            guard rendition.track == source.track else { return false }
            rendition.reconfigure(source)
            return true
        }
        do throws(TranscodingFailure) {
            let made = try SoundRendition(
                coding,
                of: source,
                bitRate: bitRate,
                partTarget: session.partTarget,
                resuming: resumption(in: session)
            )
            rendition = made
            output(.configuration(made.configuration))
            return true
        } catch {
            return false
        }
    }

    /// The first track of sound in the current set.
    private static func source(
        in session: SessionDescription,
        _ tracks: [TrackConfiguration]
    ) -> TrackConfiguration? {
        let current = session.tracks.compactMap { reference in
            tracks.first {
                $0.track.rawValue == reference.track && $0.generation == reference.generation
            }
        }
        return current.filter { $0.audio != nil }.min { $0.track < $1.track }
    }

    private func resumption(in session: SessionDescription) -> SoundRendition.Resumption? {
        guard let earlier, earlier.session.sessionId == session.sessionId,
            let (_, sequence) = earlier.stamps.nextSequences.first, let last = earlier.last
        else { return nil }
        return SoundRendition.Resumption(
            end: earlier.end.ticks(in: UInt32(SoundDecoder.sampleRate)),
            sequence: sequence,
            place: StampTrail.Place(mediaSequence: last.mediaSequence, part: last.part),
            partStart: earlier.lastPartStart?.ticks(in: UInt32(SoundDecoder.sampleRate))
        )
    }

    func take(_ samples: [BusSample]) {
        guard let rendition else { return }
        var made: [BusSample] = []
        for sample in samples {
            do throws(TranscodingFailure) {
                made += try rendition.take(sample)
            } catch {
                return output(.failed)
            }
        }
        if !made.isEmpty { output(.samples(made)) }
        if rendition.damaged > damaged { output(.damaged(rendition.damaged - damaged)) }
        damaged = rendition.damaged
    }

    // The times of the next samples show what is missing.
    func loseSamples() {}

    func makeKeyframe() {}

    func finish() async {
        guard let rest = rendition?.finish(), !rest.isEmpty else { return }
        output(.samples(rest))
    }
}
