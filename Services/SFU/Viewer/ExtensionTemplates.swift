import RTP

/// The header extensions of one viewer's track, laid out once.
struct ExtensionTemplates {
    /// While a group of pictures is caught up with: show each at once.
    let hurried: HeaderExtensionBlock?
    /// Afterwards: the receiver may wait as its jitter asks for.
    let settled: HeaderExtensionBlock?
    /// From then on, when the receiver has heard it.
    let plain: HeaderExtensionBlock?

    /// Lays out what was negotiated.
    ///
    /// - Parameters:
    ///   - mid: The tag of the media section, which every packet carries where the viewer knows the extension.
    ///   - isNumbered: Whether packets carry numbers of the whole transport.
    init(ids: HeaderExtensionIDs, isNumbered: Bool) {
        var extensions = HeaderExtensions()
        if isNumbered { extensions.transportSequenceNumber = 0 }
        plain = HeaderExtensionBlock(extensions, ids: ids)
        extensions.playoutDelay = .init(minimum: 0, maximum: 0)
        hurried = HeaderExtensionBlock(extensions, ids: ids)
        extensions.playoutDelay = .init(minimum: 0, maximum: Self.longestDelay)
        settled = HeaderExtensionBlock(extensions, ids: ids)
    }

    /// In steps of 10 ms: what receivers take where they are told nothing.
    private static let longestDelay: UInt16 = 1000
}
