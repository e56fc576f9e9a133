public import Foundation

/// A program of the system that a test runs to its end, like ffmpeg.
public enum ExternalTool {
    /// What a program left behind.
    public struct Outcome: Sendable {
        /// The exit status; negative for a signal.
        public var status: Int32
        /// What it wrote to its standard output.
        public var output: [UInt8]
        /// What it wrote to its standard error.
        public var errors: String

        /// The standard output as text, without the last line's end.
        public var text: String {
            String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)
        }
    }

    /// The program could not be started, or did not end well.
    public struct Failure: Error, CustomStringConvertible {
        /// What was run and what it said.
        public var description: String
    }

    /// Runs a program found in the search path and returns what it left, whatever its status.
    public static func run(_ name: String, _ arguments: [String], in folder: URL? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: the end of a pipe comes only when every program that inherited it has ended.
        let left = try TemporaryFolder.make("tool")
        defer { try? FileManager.default.removeItem(at: left) }
        let outputFile = left.appendingPathComponent("output")
        let errorFile = left.appendingPathComponent("errors")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.runAlone()
        process.waitUntilExit()
        let status =
            process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        return Outcome(
            status: status,
            output: [UInt8](try Data(contentsOf: outputFile)),
            errors: String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
        )
    }

    /// Runs a program on a thread of its own, for programs that need this process to answer them.
    public static func runOnThread(_ name: String, _ arguments: [String]) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try run(name, arguments) })
            }
        }
    }

    /// Runs a program on a thread of its own; it must end with status 0.
    @discardableResult
    public static func succeedOnThread(_ name: String, _ arguments: [String]) async throws -> Outcome {
        try verified(try await runOnThread(name, arguments), name, arguments)
    }

    /// Runs a program that must end with status 0.
    @discardableResult
    public static func succeed(_ name: String, _ arguments: [String], in folder: URL? = nil) throws -> Outcome
    {
        try verified(try run(name, arguments, in: folder), name, arguments)
    }

    private static func verified(_ outcome: Outcome, _ name: String, _ arguments: [String]) throws -> Outcome
    {
        guard outcome.status == 0 else {
            let command = ([name] + arguments).joined(separator: " ")
            throw Failure(description: "\(command): status \(outcome.status): \(outcome.errors)")
        }
        return outcome
    }
}

/// A folder of its own for each test process.
public enum TemporaryFolder {
    /// The folder, made at first use.
    public static let shared: URL = {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-tests-\(ProcessInfo.processInfo.processIdentifier)")
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }()

    /// Makes a new empty folder.
    public static func make(_ name: String) throws -> URL {
        let url = shared.appendingPathComponent("\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}
