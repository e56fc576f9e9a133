import Configuration
import Crypto

/// What the environment says about this service.
struct AuthSettings: Sendable {
    var databaseURL: String
    var databaseConnections: Int
    var controlRedisURL: String
    var site: String?
    var administrator: AuthUpkeep.Administrator?
    var masterKey: [UInt8]
    var lifetimes: AuthRoutes.Lifetimes
    var graceSeconds: Int64
    var passwordCost: Argon2id
    var passwordThreads: Int
}

extension AuthSettings {
    /// Reads the settings, the service's own ones without their prefix `AUTH_`.
    init(from reader: inout EnvironmentReader) {
        self.init(
            databaseURL: reader.secret("DATABASE_URL", shared: true).reveal(),
            databaseConnections: reader.integer("DATABASE_CONNECTIONS", in: 1...100, default: 4),
            controlRedisURL: reader.url("REDIS_CONTROL_URL", schemes: ["redis", "unix"], shared: true),
            site: reader.optional("MARTLET_SITE_URL", shared: true),
            administrator: reader.optional("ADMIN_USER").map { name in
                .init(name: name, password: reader.secret("ADMIN_PASSWORD").reveal())
            },
            masterKey: Array(reader.secret("MASTER_KEY").reveal().utf8),
            lifetimes: Self.lifetimes(from: &reader),
            graceSeconds: Int64(
                reader.integer("GRANT_GRACE_SECONDS", in: 0...3600, default: 60, shared: true)
            ),
            passwordCost: Argon2id(
                memoryKibibytes: UInt32(
                    reader.integer("PASSWORD_MEMORY_KIBIBYTES", in: 8192...1_048_576, default: 64 * 1024)
                ),
                passes: Argon2id.recommended.passes,
                lanes: Argon2id.recommended.lanes
            ),
            passwordThreads: reader.integer("PASSWORD_THREADS", in: 1...64, default: 2)
        )
    }

    private static func lifetimes(from reader: inout EnvironmentReader) -> AuthRoutes.Lifetimes {
        AuthRoutes.Lifetimes(
            session: seconds(&reader, "SESSION_SECONDS", default: 30 * 86_400),
            shareSession: seconds(&reader, "SHARE_SESSION_SECONDS", default: 7 * 86_400),
            mediaCookie: min(seconds(&reader, "MEDIA_COOKIE_SECONDS", default: 3600), AuthRoutes.longestToken)
        )
    }

    private static func seconds(
        _ reader: inout EnvironmentReader,
        _ name: String,
        default fallback: Int
    ) -> Int64 {
        Int64(reader.integer(name, in: 1...315_360_000, default: fallback))
    }
}
