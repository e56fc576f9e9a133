import Lifecycle
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Replicas

@Suite(.timeLimit(.minutes(1))) struct SlotLeaseTests {
    @Test func `each replica takes the least slot that is free`() async throws {
        try await withReplicas { replicas in
            let first = try await replicas.start("a:1")
            let second = try await replicas.start("b:1")
            #expect(first.lease.slot == 0 && second.lease.slot == 1)
            #expect(await first.lease.others() == ["b:1"])
            #expect(await second.lease.otherHolder(of: "0-abc") == "a:1")
            await first.stop()
            let third = try await replicas.start("c:1")
            #expect(third.lease.slot == 0)
        }
    }

    @Test func `a slot that cannot be made one's own is given back`() async throws {
        try await withReplicas { replicas in
            let first = try await replicas.start("a:1") { $0 == 2 }
            #expect(first.lease.slot == 2)
            let second = try await replicas.start("b:1")
            #expect(second.lease.slot == 0)
        }
    }

    @Test func `who was killed has its slot back at once`() async throws {
        try await withReplicas { replicas in
            let killed = try #require(
                try await RedisLease.acquire(
                    "lease:test:slot:0",
                    holder: "a:1",
                    for: .seconds(10),
                    from: replicas.client
                )
            )
            let other = try await replicas.start("b:1")
            let again = try await replicas.start("a:1")
            #expect(other.lease.slot == 1 && again.lease.slot == 0)
            #expect(try await killed.renew() == false)
            #expect(await other.lease.others() == ["a:1"])
        }
    }

    @Test func `who finds its slot taken begins nothing under its number until it has it back`() async throws
    {
        try await withReplicas { replicas in
            let first = try await replicas.start("a:1")
            #expect(first.lease.held == 0)
            let key = "lease:test:slot:0"
            try await replicas.client.command("SET", key, "b:1|other", "PX", 60_000)
            try await eventually("it is noticed") { first.lease.held == nil }
            #expect(first.lease.slot == 0, "what was begun before stays its own")
            try await replicas.client.command("DEL", key)
            try await eventually("it is taken again") { first.lease.held == 0 }
            #expect(try await RedisLease.holder(of: key, in: replicas.client) == "a:1")
        }
    }

    @Test func `sessions of this replica and of none lead nowhere else`() async throws {
        try await withReplicas { replicas in
            let first = try await replicas.start("a:1")
            _ = try await replicas.start("b:1")
            for session in ["0-abc", "5-abc", "-1-abc", "99-abc", "999999999999999999999-a", "abc", ""] {
                #expect(await first.lease.otherHolder(of: session) == nil, "\(session)")
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "10.0.0.2:80"), ("::", "[fd00::2]:80"),
        ("fd00::9", "[fd00::9]:80"), ("node-3", "node-3:80"),
    ]) func `a listener on all addresses is reached by the first one`(host: String, expected: String) {
        let interfaces = ["127.0.0.1", "::1", "fd00::2", "10.0.0.2"]
        #expect(ReplicaAddress.join(host, "80", interfaces: interfaces) == expected)
        #expect(ReplicaAddress.join("0.0.0.0", "80", interfaces: ["127.0.0.1"]) == "127.0.0.1:80")
    }
}
