/// What Package.swift says of the targets, read from its text: one line per module.
struct Manifest {
    /// One module of the package.
    struct Module: Equatable {
        var name: String
        var kind: String
        /// The number in the comment above it; tests have none.
        var floor: Int?
        var uses: [String]
    }

    /// The modules in the order of the manifest.
    var modules: [Module] = []

    /// Reads the manifest of this repository.
    init() throws {
        var floor: Int?
        for line in try Repository.text(of: "Package.swift").split(separator: "\n") {
            if let heading = line.firstMatch(of: /\/\/ Floor (\d):/) {
                floor = Int(heading.1)
            } else if line.contains(/^ {8}\/\/ Tests/) {
                floor = nil
            } else if let module = Self.module(in: line, floor: floor) {
                modules.append(module)
            }
        }
    }

    subscript(name: String) -> Module? { modules.first { $0.name == name } }

    private static func module(in line: Substring, floor: Int?) -> Module? {
        guard let match = line.firstMatch(of: /^ {8}\.(target|system|shared|service)\((?:name: )?"(\w+)"/)
        else {
            return nil
        }
        let list = line.firstMatch(of: /uses: \[([^\]]*)\]/)?.1 ?? ""
        return Module(
            name: String(match.2),
            kind: String(match.1),
            floor: floor,
            uses: list.matches(of: /"(\w+)"/).map { String($0.1) }
        )
    }
}
