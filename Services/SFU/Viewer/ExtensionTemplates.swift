import RTP

/// The header extensions of one viewer's track, laid out once.
struct ExtensionTemplates {
    /// In steps of 10 ms: what receivers take where they are told nothing.
    private static let longestDelay: UInt16 = 1000
    /// The longest tag that goes with every packet: those that endpoints make are shorter, and packets must not grow.
    private static let longestTag = 4

    /// While a group of pictures is caught up with: show each at once.
    let hurried: HeaderExtensionBlock?
    /// Afterwards: the receiver may wait as its jitter asks for.
    let settled: HeaderExtensionBlock?
    /// From then on, when the receiver has heard it.
    let plain: HeaderExtensionBlock?
    /// The same with room for the time of capture, where the viewer knows it.
    let captured: HeaderExtensionBlock?

    /// Lays out what was negotiated.
    ///
    /// - Parameters:
    ///   - mid: The tag of the media section, which every packet carries where the viewer knows the extension.
    ///   - isNumbered: Whether packets carry numbers of the whole transport.
    ///   - isStamped: Whether they carry the time at which they are sent.
    init(ids: HeaderExtensionIDs, mid: String? = nil, isNumbered: Bool, isStamped: Bool = false) {
        var extensions = HeaderExtensions()
        if let mid, mid.utf8.count <= Self.longestTag { extensions.mid = mid }
        if isNumbered { extensions.transportSequenceNumber = 0 }
        if isStamped { extensions.absoluteSendTime = 0 }
        plain = HeaderExtensionBlock(extensions, ids: ids)
        var timed = extensions
        timed.absoluteCaptureTime = .init(time: 0)
        captured = ids[.absoluteCaptureTime] == nil ? nil : HeaderExtensionBlock(timed, ids: ids)
        extensions.playoutDelay = .init(minimum: 0, maximum: 0)
        hurried = HeaderExtensionBlock(extensions, ids: ids)
        extensions.playoutDelay = .init(minimum: 0, maximum: Self.longestDelay)
        settled = HeaderExtensionBlock(extensions, ids: ids)
    }

    /// The extensions of a picture that is urgent, the first that are not, or any other.
    ///
    /// - Parameter isTimed: Whether the packet tells when it was captured.
    func block(_ hurry: Bool?, isTimed: Bool) -> HeaderExtensionBlock? {
        if isTimed, hurry != true, let captured { return captured }
        return switch hurry {
        case true?: hurried
        case false?: settled
        case nil: plain
        }
    }
}
