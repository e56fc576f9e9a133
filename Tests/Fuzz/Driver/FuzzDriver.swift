import Glibc

/// Runs one parser on many inputs: under libFuzzer where built for it, else on the files of a corpus.
public enum FuzzDriver {
    /// What an input is given to; it must return whatever the bytes are.
    public typealias Body = @Sendable (Span<UInt8>) -> Void

    /// Fuzzes `body`, or replays the files and folders named on the command line.
    public static func run(_ body: @escaping Body) -> Never {
        #if FUZZING
        fuzz(body)
        #else
        replay(CommandLine.arguments.dropFirst(), body)
        #endif
    }

    /// Gives every file in `paths` to `body`; a parser that traps takes the process down with it.
    private static func replay(_ paths: some Sequence<String>, _ body: Body) -> Never {
        let files = paths.flatMap(files(in:))
        for file in files {
            guard let bytes = contents(of: file) else {
                print("\(file) cannot be read")
                exit(1)
            }
            body(bytes.span)
        }
        print("\(files.count) inputs")
        exit(files.isEmpty ? 1 : 0)
    }

    /// The files directly in a folder, or the path itself where it is not one.
    private static func files(in path: String) -> [String] {
        // SAFETY: the stream is read and closed here; each name is copied before the next is read.
        guard let stream = unsafe opendir(path) else { return [path] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().map { "\(path)/\($0)" }
    }

    private static func contents(of path: String) -> [UInt8]? {
        // SAFETY: the stream is read and closed here, and reads stay within the local buffer.
        guard let stream = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(stream) }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, stream)
            if count == 0 { return unsafe ferror(stream) == 0 ? contents : nil }
            contents += buffer[..<count]
        }
    }
}
