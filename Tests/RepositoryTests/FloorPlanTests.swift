import Testing

@Suite struct FloorPlanTests {
    /// Modules of floors 1 and 2 that hold no C, no Foundation, no I/O, no clock and no randomness.
    private static let pure: Set<String> = [
        "Bytes", "Media", "Codecs", "Contracts", "RTMP", "RTP", "ISOBMFF", "HLS", "Tokens",
    ]

    @Test func `a module uses only modules of lower floors or above it on its own`() throws {
        let modules = try Manifest().modules
        let places = Dictionary(uniqueKeysWithValues: modules.enumerated().map { ($1.name, $0) })
        for module in modules where module.floor != nil {
            for used in module.uses {
                let place = try #require(
                    places[used],
                    "\(module.name) uses \(used), which the manifest does not have"
                )
                let other = modules[place]
                #expect((other.floor ?? 9) <= (module.floor ?? 0), "\(module.name) reaches up to \(used)")
                #expect(
                    place < places[module.name] ?? 0,
                    "\(module.name) stands above \(used), which it uses"
                )
            }
        }
    }

    @Test func `services never use each other`() throws {
        let modules = try Manifest().modules
        let services = Set(modules.filter { $0.kind == "service" }.map(\.name))
        for module in modules {
            #expect(services.isDisjoint(with: module.uses), "\(module.name)")
        }
    }

    @Test func `every folder of Shared and Services is a module of the manifest`() throws {
        let manifest = try Manifest()
        let withoutSwift: Set<String> = ["Gateway"]
        for folder in ["Shared", "Services"] {
            for name in try Repository.folders(in: folder) where !withoutSwift.contains(name) {
                #expect(manifest[name] != nil, "\(folder)/\(name)")
            }
        }
    }

    @Test func `the pure modules import each other and the standard library only`() {
        for file in Repository.files("swift", under: Self.pure.map { "Shared/\($0)/" }) {
            for name in file.imports {
                #expect(Self.pure.contains(name), "\(file.path) imports \(name)")
            }
        }
    }

    @Test func `one module alone imports a C library`() throws {
        let libraries = Set(try Manifest().modules.filter { $0.kind == "system" }.map(\.name))
        var importers: [String: Set<Substring>] = [:]
        for file in Repository.files("swift", under: ["Shared/", "Services/"]) {
            for library in file.imports where libraries.contains(library) {
                importers[library, default: []].insert(file.path.split(separator: "/")[1])
            }
        }
        for (library, modules) in importers {
            #expect(modules.count == 1, "\(library) is imported by \(modules.sorted())")
        }
    }

    @Test func `every service says in its README what it is, in at most 80 lines`() throws {
        for name in try Repository.folders(in: "Services") {
            let lines = try Repository.text(of: "Services/\(name)/README.md").split(separator: "\n")
            #expect((3...80).contains(lines.count), "Services/\(name)/README.md has \(lines.count) lines")
        }
    }
}
