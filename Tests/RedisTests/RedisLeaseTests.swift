import Redis
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisLeaseTests {
    @Test func `only one holds a lease until it is released`() async throws {
        try await withClient { client, _ in
            let first = try #require(
                try await RedisLease.acquire("lease:x", holder: "a:1", for: .seconds(5), from: client)
            )
            #expect(first.isHeld)
            #expect(
                try await RedisLease.acquire("lease:x", holder: "b", for: .seconds(5), from: client) == nil
            )
            #expect(try await RedisLease.holder(of: "lease:x", in: client) == "a:1")
            #expect(try await first.renew())
            try await first.release()
            #expect(!first.isHeld)
            #expect(try await RedisLease.holder(of: "lease:x", in: client) == nil)
        }
    }

    @Test func `a lease that another has taken over can be neither renewed nor released`() async throws {
        try await withClient { client, _ in
            let old = try #require(
                try await RedisLease.acquire("lease:x", holder: "a", for: .seconds(5), from: client)
            )
            try await client.command("DEL", "lease:x")
            let new = try await RedisLease.acquire("lease:x", holder: "b", for: .seconds(5), from: client)
            #expect(new != nil)
            #expect(try await old.renew() == false)
            #expect(!old.isHeld)
            try await old.release()
            #expect(try await RedisLease.holder(of: "lease:x", in: client) == "b")
        }
    }

    @Test func `a lease counts as lost a margin before it ends in Redis`() async throws {
        try await withClient { client, _ in
            let lease = try #require(
                try await RedisLease.acquire("lease:x", holder: "a", for: .milliseconds(900), from: client)
            )
            #expect(!lease.isHeld)
        }
    }
}
