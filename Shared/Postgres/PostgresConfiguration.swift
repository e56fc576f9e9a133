/// Where PostgreSQL is and how long to wait for it.
public struct PostgresConfiguration: Sendable {
    /// The address as a libpq URI or a list of `keyword=value`; may hold a password, so it is never logged.
    public var address: String
    /// The name that `pg_stat_activity` shows.
    public var applicationName: String
    /// How long opening a connection may take.
    public var connectLimit: Duration = .seconds(5)
    /// How long one query may take, unless it says otherwise.
    public var queryLimit: Duration = .seconds(5)

    /// Creates a configuration.
    public init(address: String, applicationName: String) {
        self.address = address
        self.applicationName = applicationName
    }
}
