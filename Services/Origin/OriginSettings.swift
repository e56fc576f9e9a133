import Configuration

/// The settings of the origin, from the environment.
struct OriginSettings: Sendable {
    /// Where track logs are written.
    var mediaPath: String
    /// How often what has been written is made to survive a loss of power.
    var syncInterval: Duration
    /// The memory for parts of all live sessions together.
    var memoryByteLimit: Int
    /// How long ended sessions are kept; zero keeps them for ever.
    var retention: Duration
    /// How long feeds go on while it cannot be known whether their grants still hold.
    var grantGrace: Duration
    /// How other replicas reach this one; empty for the HTTP address and port.
    var advertisedAddress: String
    var redisControlURL: String
    var redisBusURL: String
    var databaseURL: Secret?

    init(from reader: inout EnvironmentReader) {
        mediaPath = reader.required("MEDIA_PATH")
        syncInterval = reader.seconds("SYNC_INTERVAL_SECONDS", default: .seconds(1))
        memoryByteLimit = reader.bytes("MEMORY_BYTES", in: 1 << 20...1 << 40, default: 1 << 30)
        retention = reader.seconds("RETENTION_SECONDS", default: .zero)
        grantGrace = reader.seconds("GRANT_GRACE_SECONDS", default: .seconds(60), shared: true)
        let address = reader.text("HTTP_ADDRESS", default: "127.0.0.1")
        let port = reader.text("HTTP_PORT", default: "8104")
        advertisedAddress = reader.text("ADVERTISED_ADDRESS", default: "\(address):\(port)")
        redisControlURL = reader.required("REDIS_CONTROL_URL", shared: true)
        redisBusURL = reader.required("REDIS_BUS_URL", shared: true)
        databaseURL = reader.optionalSecret("DATABASE_URL", shared: true)
    }
}
