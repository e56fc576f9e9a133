import HTTPServing
import Sockets
import Testing

@Suite struct HTTPPageTests {
    private struct Item: Equatable {
        var time: Int64
        var name: String
        var position: HTTPPage.Position { .init(time: time, identifier: name) }
    }

    private let peer = PeerAddress(host: "127.0.0.1", port: 1)
    private let items = (0..<5).map { Item(time: -Int64($0), name: "item\($0)") }

    private func page(
        _ query: [(name: String, value: String)],
        sortedBy field: String? = nil
    ) throws(HTTPProblem)
        -> HTTPPage
    {
        try HTTPPage(
            HTTPRequest(method: "GET", path: "/", query: query, body: HTTPRequestBody(), peer: peer),
            sortedBy: field
        )
    }

    @Test func `a list is read page by page by the cursors of its pages`() throws {
        var read: [Item] = []
        var cursor: String?
        repeat {
            let page = try page([("limit", "2")] + (cursor.map { [("cursor", $0)] } ?? []))
            let rest = items.drop { item in page.after.map { item.time >= $0.time } ?? false }
            let list = page.cut(Array(rest.prefix(page.limit + 1)), \.position)
            #expect(list.items.count == 2 || list.next == nil)
            read += list.items
            cursor = list.next
        } while cursor != nil
        #expect(read == items)
    }

    @Test func `a page that holds all has no cursor`() throws {
        #expect(try page([("limit", "5")]).cut(items, \.position).next == nil)
        #expect(try page([]).cut([Item](), \.position).next == nil)
        #expect(try page([]).limit == 100)
    }

    @Test func `the order is that of the field, the newest first unless told otherwise`() throws {
        #expect(try page([], sortedBy: "startedAt").isNewestFirst)
        #expect(try page([("sort", "-startedAt")], sortedBy: "startedAt").isNewestFirst)
        #expect(try !page([("sort", "startedAt")], sortedBy: "startedAt").isNewestFirst)
    }

    @Test(arguments: [
        ("limit", "0", "invalid_limit"), ("limit", "1001", "invalid_limit"), ("limit", "-1", "invalid_limit"),
        ("limit", "99999999999999999999", "invalid_limit"), ("limit", "", "invalid_limit"),
        ("cursor", "", "invalid_cursor"), ("cursor", "%", "invalid_cursor"),
        ("cursor", "MQ", "invalid_cursor"),
        ("cursor", "MSA", "invalid_cursor"), ("cursor", "MSAgYQ", "invalid_cursor"),
        ("cursor", "MSAA", "invalid_cursor"),
        ("cursor", "OTk5OTk5OTk5OTk5OTk5OTk5OTkgYQ", "invalid_cursor"),
        ("cursor", String(repeating: "A", count: 200), "invalid_cursor"), ("sort", "name", "invalid_sort"),
    ])
    func `what is none is refused by its name`(name: String, value: String, code: String) {
        let problem = #expect(throws: HTTPProblem.self) { try page([(name, value)], sortedBy: "startedAt") }
        #expect(problem?.status == 400 && problem?.code == code)
    }
}
