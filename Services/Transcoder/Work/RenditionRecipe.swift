import Contracts
import MediaBus
import Reactor
import Transcoding

/// How each rendition is made.
struct RenditionRecipe: Sendable {
    let settings: TranscoderSettings

    /// Whether a rendition is of pictures, which cost a hundred times what sound does.
    static func isOfPictures(_ rendition: RenditionName?) -> Bool { rendition == .withoutBFrames }

    /// What makes a rendition, or `nil` where it is none that is made here.
    ///
    /// - Parameters:
    ///   - earlier: What an earlier maker left.
    ///   - loop: Where the maker is used.
    ///   - output: Called there with what is made.
    func maker(
        for rendition: RenditionName?,
        after earlier: BusResumption?,
        on loop: EventLoop,
        output: @escaping @Sendable (RenditionOutput) -> Void
    ) -> (any RenditionMaking)? {
        switch rendition?.kind {
        case .opus: SoundMaker(.opus, bitRate: settings.opusBitRate, after: earlier, output: output)
        case .aac: SoundMaker(.aac, bitRate: settings.aacBitRate, after: earlier, output: output)
        case .withoutBFrames:
            PictureMaker(bitRate: settings.pictureBitRate, after: earlier, on: loop, output: output)
        case .layer, nil: nil
        }
    }
}
