import Redis
import Testing

@Suite struct RedisAddressTests {
    @Test(arguments: [
        ("redis://redis", RedisAddress(.tcp(host: "redis", port: 6379))),
        ("redis://10.0.0.1:7000/2", RedisAddress(.tcp(host: "10.0.0.1", port: 7000), database: 2)),
        ("redis://[::1]:7000", RedisAddress(.tcp(host: "::1", port: 7000))),
        ("redis://:p%40ss@h", RedisAddress(.tcp(host: "h", port: 6379), password: "p@ss")),
        ("redis://u:p:w@h:1/", RedisAddress(.tcp(host: "h", port: 1), user: "u", password: "p:w")),
        ("unix:///run/redis.sock", RedisAddress(.unix(path: "/run/redis.sock"))),
        ("unix:///r.sock?db=4", RedisAddress(.unix(path: "/r.sock"), database: 4)),
    ])
    func `a URL gives an address`(url: String, expected: RedisAddress) throws {
        #expect(try RedisAddress(url: url) == expected)
    }

    @Test(arguments: [
        "", "http://x", "redis://", "redis://h:0", "redis://h:70000", "redis://h/x", "redis://h/-1",
        "unix://r",
        "unix:///r?x=1", "redis://[::1", "redis://:6379",
    ])
    func `a URL that says nothing usable is refused`(url: String) {
        #expect(throws: RedisError.self) { try RedisAddress(url: url) }
    }

    @Test func `the password is not part of the description`() throws {
        let address = try RedisAddress(url: "redis://user:secret@host/1")
        #expect(address.description == "redis://host:6379/1")
    }
}
