/// The description of the REST API, written by hand.
enum OpenAPIDocument {
    static let text = "{}"
}
