public import Foundation
import Glibc

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
        // Files, not pipes: the end of a pipe comes only when every program that inherited it has ended.
        let left = try TemporaryFolder.make("tool")
        defer { try? FileManager.default.removeItem(at: left) }
        let outputFile = left.appendingPathComponent("output")
        let errorFile = left.appendingPathComponent("errors")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        let status = try spawn(
            [name] + arguments,
            in: folder,
            output: outputFile.path,
            errors: errorFile.path
        )
        return Outcome(
            status: status,
            output: [UInt8](try Data(contentsOf: outputFile)),
            errors: String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
        )
    }

    /// Starts a program and waits for its end; `Process` cannot with more than a thousand descriptors open.
    private static func spawn(
        _ words: [String],
        in folder: URL?,
        output: String,
        errors: String
    ) throws -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        // SAFETY: the actions are initialised before they are used and destroyed afterwards; strings live
        // for their calls, and the words until they are freed.
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY, 0)
        let command = ["env"] + (folder.map { ["-C", $0.path] } ?? []) + words
        var pointers = unsafe command.map { unsafe strdup($0) }
        defer { unsafe pointers.forEach { unsafe free($0) } }
        unsafe pointers.append(nil)
        var process = pid_t()
        let code = unsafe posix_spawn(&process, "/usr/bin/env", &actions, nil, pointers, environ)
        guard code == 0 else { throw Failure(description: "\(words[0]) cannot be started: \(code)") }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : -signal
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
