// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // The index of what is not ours takes a tenth of the time of a debug build.
    .unsafeFlags(["-index-ignore-system-modules"], .when(configuration: .debug)),
]

extension Target {
    /// A C library of the system under `Shared/`, named after its folder.
    static func system(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
        .systemLibrary(name: name, path: "Shared/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
    }

    /// A library under `Shared/`, named after its folder.
    static func shared(
        _ name: String,
        uses: [Target.Dependency] = [],
        excludes: [String] = []
    ) -> Target {
        .target(
            name: name,
            dependencies: uses,
            path: "Shared/\(name)",
            exclude: excludes,
            swiftSettings: settings
        )
    }

    /// A deployable under `Services/`, named after its folder.
    static func service(_ name: String, uses: [Target.Dependency]) -> Target {
        .executableTarget(
            name: name,
            dependencies: uses,
            path: "Services/\(name)",
            exclude: ["README.md"],
            swiftSettings: settings
        )
    }

    /// The tests of the target called `name`.
    static func tests(of name: String, uses: [Target.Dependency] = []) -> Target {
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.init(stringLiteral: name), "TestSupport"] + uses,
            path: "Tests/\(name)Tests",
            swiftSettings: settings
        )
    }

    /// A program that fuzzes one parser, under `Tests/Fuzz/`; see `Tests/Fuzz/run`.
    static func fuzz(_ parser: String, uses: [Target.Dependency]) -> Target {
        .tool("Fuzz\(parser)", at: "Fuzz/\(parser)", uses: ["FuzzDriver"] + uses)
    }

    /// A program under `Tests/`, at `folder`.
    static func tool(_ name: String, at folder: String, uses: [Target.Dependency]) -> Target {
        .executableTarget(
            name: name,
            dependencies: uses,
            path: "Tests/\(folder)",
            swiftSettings: settings
        )
    }
}

let package = Package(
    name: "martlet",
    targets: [
        // Floor 0: C
        .target(name: "CPlatform", path: "Shared/CPlatform"),
        .target(name: "CJemalloc", path: "Shared/CJemalloc", linkerSettings: [.linkedLibrary("jemalloc")]),
        .target(name: "CJemallocReuse", path: "Shared/CJemallocReuse", linkerSettings: [.linkedLibrary("jemalloc")]),
        .system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        .system("CArgon2", pkgConfig: "libargon2", apt: "libargon2-dev"),
        .system("CHTTPParser", apt: "libhttp-parser-dev"),
        .system("CWslay", apt: "libwslay-dev"),
        .system("CHiredis", apt: "libhiredis-dev"),
        .system("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
        .system("CLibAV", pkgConfig: "libavcodec", apt: "libavcodec-dev"),

        // Floor 1: vocabulary
        .shared("Bytes"),
        .shared("Media", uses: ["Bytes"]),
        .shared("Codecs", uses: ["Bytes", "Media"]),
        .shared("Contracts", uses: ["Bytes", "Media"]),
        .shared("Crypto", uses: ["Bytes", "COpenSSL", "CArgon2"]),

        // Floor 2: protocols
        .shared("RTMP", uses: ["Bytes"]),
        .shared("RTP", uses: ["Bytes", "Codecs", "Media"]),
        .shared("SRTP", uses: ["Crypto"]),
        .shared("ISOBMFF", uses: ["Bytes", "Media"]),
        .shared("HLS", uses: ["Media"]),
        .shared("DASH", uses: ["Media"]),
        .shared("Tokens", uses: ["Bytes"]),
        .shared("ICE", uses: ["Bytes", "Crypto"]),
        .shared("SDP"),
        .shared("Transcoding", uses: ["CLibAV", "Codecs", "Media"]),

        // Floor 3: process
        .shared("Lifecycle"),
        .shared("Configuration"),
        .shared("Telemetry"),
        .shared("Reactor", uses: ["CPlatform"]),
        .shared("Sockets", uses: ["CPlatform", "Reactor"]),

        // Floor 4: hosts and clients
        .shared("HTTPServing", uses: ["Bytes", "CHTTPParser", "CPlatform", "CWslay", "Crypto", "Lifecycle", "Reactor", "Sockets", "Telemetry"]),
        .shared("WebRTC", uses: ["Crypto", "ICE", "Reactor", "SRTP", "Sockets", "Telemetry"]),
        .shared("Redis", uses: ["CHiredis", "Reactor", "Lifecycle", "Sockets", "Telemetry"]),
        .shared("Postgres", uses: ["Bytes", "CPostgres", "Reactor", "Lifecycle", "Telemetry"], excludes: ["bootstrap.sql"]),
        .shared("Events", uses: ["Contracts", "Lifecycle", "Reactor", "Redis", "Telemetry"]),
        .shared("Outbox", uses: ["Contracts", "Events", "Postgres", "Reactor", "Redis", "Telemetry"]),
        .shared("MediaBus", uses: ["Bytes", "Contracts", "Lifecycle", "Media", "Reactor", "Redis", "Telemetry"]),
        .shared("Replicas", uses: ["HTTPServing", "Lifecycle", "Reactor", "Redis", "Sockets", "Telemetry"]),
        .shared("WebRTCSignalling", uses: ["Configuration", "HTTPServing", "ICE", "SDP", "Sockets"]),
        .shared("Hosting", uses: ["CPlatform", "Configuration", "HTTPServing", "Lifecycle", "Reactor", "Telemetry"]),

        // Floor 5: services
        .service("Auth", uses: ["Bytes", "Configuration", "Contracts", "Crypto", "HTTPServing", "Hosting", "Lifecycle", "Outbox", "Postgres", "Reactor", "Redis", "Sockets", "Telemetry", "Tokens"]),
        .service("Catalog", uses: ["Bytes", "Configuration", "Contracts", "Crypto", "HTTPServing", "Hosting", "Lifecycle", "Outbox", "Postgres", "Reactor", "Redis", "Telemetry"]),
        .service("Ingest", uses: ["Bytes", "CJemalloc", "Codecs", "Configuration", "Contracts", "Crypto", "HTTPServing", "Hosting", "ICE", "Lifecycle", "Media", "MediaBus", "Postgres", "RTMP", "RTP", "Reactor", "Redis", "Replicas", "SDP", "Sockets", "Telemetry", "WebRTC", "WebRTCSignalling"]),
        .service("Origin", uses: ["Bytes", "CJemallocReuse", "Codecs", "Configuration", "Contracts", "CPlatform", "Crypto", "DASH", "Events", "HLS", "HTTPServing", "Hosting", "ISOBMFF", "Lifecycle", "Media", "MediaBus", "Postgres", "Reactor", "Redis", "Sockets", "Telemetry"]),
        .service("Transcoder", uses: ["CPlatform", "Codecs", "Configuration", "Contracts", "Hosting", "Lifecycle", "Media", "MediaBus", "Reactor", "Redis", "Telemetry", "Transcoding"]),
        .service("SFU", uses: ["Codecs", "Configuration", "Contracts", "Crypto", "Events", "HTTPServing", "Hosting", "ICE", "Lifecycle", "Media", "MediaBus", "RTP", "Reactor", "Redis", "Replicas", "SDP", "Sockets", "Telemetry", "WebRTC", "WebRTCSignalling"]),

        // Tests
        .target(name: "TestSupport", dependencies: ["Bytes", "ISOBMFF", "Lifecycle", "Media"], path: "Tests/Support", swiftSettings: settings),
        .tests(of: "Bytes"),
        .tests(of: "Media", uses: ["Bytes"]),
        .tests(of: "Codecs", uses: ["Bytes", "Media"]),
        .tests(of: "Contracts", uses: ["Bytes", "Media"]),
        .tests(of: "Crypto", uses: ["Bytes"]),
        .tests(of: "RTMP", uses: ["Bytes"]),
        .tests(of: "RTP", uses: ["Bytes", "Codecs", "Media"]),
        .tests(of: "SRTP", uses: ["Bytes", "Crypto"]),
        .tests(of: "ISOBMFF", uses: ["Bytes", "Media"]),
        .tests(of: "HLS", uses: ["Media"]),
        .tests(of: "DASH", uses: ["Media"]),
        .tests(of: "Tokens", uses: ["Bytes"]),
        .tests(of: "ICE", uses: ["Bytes"]),
        .tests(of: "SDP"),
        .tests(of: "Transcoding", uses: ["Bytes", "Codecs"]),
        .tests(of: "Lifecycle"),
        .tests(of: "Configuration"),
        .tests(of: "Telemetry"),
        .tests(of: "Reactor"),
        .tests(of: "Sockets", uses: ["Reactor"]),
        .tests(of: "HTTPServing", uses: ["Lifecycle", "Reactor", "Sockets", "Telemetry"]),
        .tests(of: "WebRTCSignalling", uses: ["Configuration", "HTTPServing", "SDP", "Sockets"]),
        .tests(of: "WebRTC", uses: ["Crypto", "ICE", "Reactor", "SRTP", "Sockets"]),
        .tests(of: "Hosting", uses: ["HTTPServing", "Reactor", "Sockets", "Telemetry"]),
        .tests(of: "Redis", uses: ["Lifecycle", "Reactor", "Telemetry"]),
        .tests(of: "Replicas", uses: ["HTTPServing", "Lifecycle", "Reactor", "Redis", "Sockets", "Telemetry"]),
        .tests(of: "Postgres", uses: ["Lifecycle", "Reactor", "Telemetry"]),
        .tests(of: "Outbox", uses: ["Contracts", "Lifecycle", "Postgres", "Reactor", "Redis", "Telemetry"]),
        .tests(of: "MediaBus", uses: ["Bytes", "Contracts", "Lifecycle", "Media", "Reactor", "Redis", "Telemetry"]),
        .tests(of: "Auth", uses: ["Contracts", "Crypto", "HTTPServing", "Lifecycle", "Postgres", "Reactor", "Redis", "Sockets", "Telemetry", "Tokens"]),
        .tests(of: "Catalog", uses: ["Contracts", "HTTPServing", "Lifecycle", "Postgres", "Reactor", "Redis", "Sockets", "Telemetry"]),
        .tests(of: "Ingest", uses: ["Bytes", "Codecs", "Contracts", "Crypto", "Lifecycle", "Media", "MediaBus", "Postgres", "RTMP", "RTP", "Reactor", "Redis", "SDP", "Sockets", "Telemetry", "WebRTCSignalling"]),
        .tests(of: "SFU", uses: ["Codecs", "Contracts", "Crypto", "Lifecycle", "Media", "MediaBus", "RTP", "Reactor", "Redis", "Replicas", "SDP", "Telemetry", "WebRTC", "WebRTCSignalling"]),
        .tests(of: "Origin", uses: ["Bytes", "CPlatform", "Codecs", "Contracts", "Events", "HLS", "HTTPServing", "ISOBMFF", "Lifecycle", "Media", "MediaBus", "Postgres", "Reactor", "Redis", "Sockets", "Telemetry"]),
        .tests(of: "Transcoder", uses: ["Bytes", "Codecs", "Configuration", "Contracts", "Lifecycle", "Media", "MediaBus", "Reactor", "Redis", "Telemetry", "Transcoding"]),

        // Benchmarks
        .target(
            name: "LoadClip",
            dependencies: ["Bytes", "RTMP"],
            path: "Tests/Benchmarks/LoadClip",
            swiftSettings: settings
        ),
        .tool(
            "LoadGenerator",
            at: "Benchmarks/LoadGenerator",
            uses: ["Bytes", "CPlatform", "LoadClip", "RTMP", "Reactor", "Sockets"]
        ),
        .tool("PublishSink", at: "Benchmarks/PublishSink", uses: ["CPlatform", "RTMP", "Reactor", "Sockets"]),
        .tool("PacketCost", at: "Benchmarks/PacketCost", uses: ["Crypto", "SRTP", "Sockets"]),
        .tool(
            "WebRTCLoadGenerator",
            at: "Benchmarks/WebRTCLoadGenerator",
            uses: ["Codecs", "Crypto", "HTTPServing", "ICE", "LoadClip", "RTMP", "RTP", "Reactor", "SRTP", "Sockets"]
        ),

        // Fuzzing
        .target(name: "FuzzDriver", path: "Tests/Fuzz/Driver", swiftSettings: settings),
        .fuzz("AMF0", uses: ["RTMP"]),
        .fuzz("Chunks", uses: ["RTMP"]),
        .fuzz("RTMPSession", uses: ["RTMP"]),
        .fuzz("FLVTags", uses: ["RTMP"]),
        .fuzz("SRTPPackets", uses: ["Crypto", "SRTP"]),
        .fuzz("WebRTCFrames", uses: ["WebRTC"]),
        .fuzz("RTPPackets", uses: ["RTP"]),
        .fuzz("RTCPCompounds", uses: ["RTP"]),
        .fuzz("RTPPayloads", uses: ["Codecs", "Media", "RTP"]),
        .fuzz("RTPReceiver", uses: ["Media", "RTP"]),
        .fuzz("ParameterSets", uses: ["Codecs", "Media"]),
        .fuzz("AudioConfigurations", uses: ["Codecs", "Media"]),
        .fuzz("BusEntries", uses: ["Media"]),
        .fuzz("Transcoding", uses: ["Bytes", "Transcoding"]),
        .fuzz("Boxes", uses: ["Bytes", "ISOBMFF"]),
        .fuzz("MediaToken", uses: ["Bytes", "Tokens"]),
        .fuzz("STUN", uses: ["Bytes", "ICE"]),
        .fuzz("SDP", uses: ["Bytes", "SDP"]),
        .fuzz("SDPFragment", uses: ["Bytes", "SDP"]),
        .fuzz("ReloadRequests", uses: ["Bytes", "HLS"]),
        .fuzz("SessionDescriptions", uses: ["Bytes", "Contracts", "HLS", "Media"]),
        .fuzz("StreamKeys", uses: ["Bytes"]),
        .fuzz("TrackLogs", uses: ["Bytes", "CPlatform", "ISOBMFF", "Media"]),
        .fuzz("HTTPRequests", uses: ["HTTPServing"]),
        .fuzz("WebSocketFrames", uses: ["HTTPServing"]),
        .testTarget(
            name: "FuzzTests",
            dependencies: ["TestSupport"],
            path: "Tests/FuzzTests",
            swiftSettings: settings
        ),
        .testTarget(name: "RepositoryTests", path: "Tests/RepositoryTests", swiftSettings: settings),
    ]
)
