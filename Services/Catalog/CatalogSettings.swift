import Configuration

/// What the environment says about this service.
struct CatalogSettings: Sendable {
    var databaseURL: String
    var databaseConnections: Int
    var controlRedisURL: String
    var busRedisURL: String
    /// The address of the site, for links in answers to requests that do not say by which name they came.
    var site: String?
    /// How long what was deleted can be had back.
    var undo: Duration
    /// How often sessions are looked at for a sign of life.
    var sweepInterval: Duration
    /// How long beyond its grace time a session may give no sign of life.
    var sweepMargin: Duration
}

extension CatalogSettings {
    /// Reads the settings, the service's own ones without their prefix `CATALOG_`.
    init(from reader: inout EnvironmentReader) {
        databaseURL = reader.secret("DATABASE_URL", shared: true).reveal()
        databaseConnections = reader.integer("DATABASE_CONNECTIONS", in: 1...100, default: 4)
        controlRedisURL = reader.url("REDIS_CONTROL_URL", schemes: ["redis", "unix"], shared: true)
        busRedisURL = reader.url("REDIS_BUS_URL", schemes: ["redis", "unix"], shared: true)
        site = reader.optional("MARTLET_SITE_URL", shared: true)
        undo = reader.seconds("UNDO_SECONDS", in: 0...86_400, default: .seconds(30))
        sweepInterval = reader.seconds("SWEEP_SECONDS", in: 0.05...60, default: .seconds(1))
        sweepMargin = reader.seconds("SWEEP_MARGIN_SECONDS", in: 0...3600, default: .seconds(5))
    }
}
