import Redis

/// One entry as Redis returned it.
struct RawBusEntry: Sendable, Equatable {
    var id: BusEntryID
    var blob: [UInt8]
}

/// Reads the replies to XRANGE, XREVRANGE and XREAD.
enum BusStreamReply {
    /// The entries of one stream; what is no entry of the bus has an empty blob.
    static func entries(of reply: RedisValue) -> [RawBusEntry] {
        (reply.array ?? []).compactMap { item in
            guard let halves = item.array, halves.count == 2,
                let id = halves[0].bytes.flatMap({ BusEntryID(ascii: $0) })
            else { return nil }
            return RawBusEntry(id: id, blob: blob(in: halves[1].array ?? []))
        }
    }

    private static let blobField = Array("e".utf8)

    private static func blob(in fields: [RedisValue]) -> [UInt8] {
        for index in stride(from: 0, to: fields.count - 1, by: 2) where fields[index].bytes == blobField {
            return fields[index + 1].bytes ?? []
        }
        return []
    }

    /// The streams of a reply to XREAD, by key; null is none.
    static func streams(of reply: RedisValue) -> [(key: String, entries: RedisValue)] {
        (reply.array ?? []).compactMap { item in
            guard let halves = item.array, halves.count == 2, let key = halves[0].string else { return nil }
            return (key, halves[1])
        }
    }
}
