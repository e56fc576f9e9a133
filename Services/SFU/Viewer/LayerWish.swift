import Contracts

/// What a viewer wants of the layers of a simulcast.
struct LayerWish: Sendable, Equatable {
    /// The layer, `nil` for the best that its path carries.
    var rid: String?
    /// The largest height in pixels that is of use to it.
    var maximumHeight: Int?

    /// A change of it, as the API takes it: what is left out stays.
    struct Change: Decodable, Sendable, Equatable {
        private enum CodingKeys: String, CodingKey {
            case layer, maxHeight
        }

        private static let automatic = "auto"
        private static let heights = 1...16_384

        private var rid: String??
        private var maximumHeight: Int??

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            if values.contains(.layer) { rid = .some(try Self.rid(in: values)) }
            if values.contains(.maxHeight) { maximumHeight = .some(try Self.height(in: values)) }
        }

        private static func rid(in values: KeyedDecodingContainer<CodingKeys>) throws -> String? {
            let text = try values.decode(String.self, forKey: .layer)
            if text == automatic { return nil }
            guard RenditionName.layer(text) != nil else {
                throw DecodingError.dataCorruptedError(forKey: .layer, in: values, debugDescription: "no RID")
            }
            return text
        }

        private static func height(in values: KeyedDecodingContainer<CodingKeys>) throws -> Int? {
            let height = try values.decodeIfPresent(Int.self, forKey: .maxHeight)
            guard height.map(heights.contains) ?? true else {
                throw DecodingError.dataCorruptedError(
                    forKey: .maxHeight,
                    in: values,
                    debugDescription: "no height"
                )
            }
            return height
        }

        func apply(to wish: inout LayerWish) {
            if let rid { wish.rid = rid }
            if let maximumHeight { wish.maximumHeight = maximumHeight }
        }
    }
}
