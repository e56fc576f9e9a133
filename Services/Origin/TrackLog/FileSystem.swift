import CPlatform
import Glibc
import Sockets

/// The few calls on files that track logs need; all of them may block.
enum FileSystem {
    private static let fileMode: mode_t = 0o640
    private static let folderMode: mode_t = 0o750

    /// Makes a file that must not exist yet.
    static func create(_ path: String) throws(SystemCallError) -> FileDescriptor {
        try open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)
    }

    static func openForReading(_ path: String) throws(SystemCallError) -> FileDescriptor {
        try open(path, O_RDONLY | O_CLOEXEC)
    }

    private static func open(_ path: String, _ flags: CInt) throws(SystemCallError) -> FileDescriptor {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe Glibc.open(path, flags, fileMode)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", code: errno) }
        return FileDescriptor(owning: descriptor)
    }

    /// Writes all of `bytes` at the end of what has been written.
    static func append(_ bytes: [UInt8], to descriptor: CInt) throws(SystemCallError) {
        try append([bytes], to: descriptor)
    }

    /// Writes all of `pieces`, one after the other, at the end of what has been written.
    static func append(_ pieces: [[UInt8]], to descriptor: CInt) throws(SystemCallError) {
        var rest = pieces.filter { !$0.isEmpty }[...]
        var written = 0
        while let first = rest.first {
            if written >= first.count {
                written -= first.count
                rest = rest.dropFirst()
                continue
            }
            let next = rest.prefix(GatheredBytes.pieceLimit)
            let count = unsafe GatheredBytes.withVectors(of: next, skipping: written) { vectors in
                // SAFETY: the kernel only reads, from memory that is there until this returns.
                unsafe writev(descriptor, vectors.baseAddress, CInt(vectors.count))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SystemCallError(call: "write", code: count == 0 ? ENOSPC : errno) }
            written += count
        }
    }

    /// Reads at most `count` bytes at `offset`; fewer at the end of the file.
    static func read(_ descriptor: CInt, offset: Int64, count: Int) throws(SystemCallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let moved = unsafe bytes.withUnsafeMutableBytes { buffer in
                // SAFETY: the kernel writes within the buffer, before the call returns.
                unsafe pread(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    count - done,
                    off_t(offset) + done
                )
            }
            if moved < 0 && errno == EINTR { continue }
            guard moved >= 0 else { throw SystemCallError(call: "read", code: errno) }
            if moved == 0 { break }
            done += moved
        }
        bytes.removeLast(count - done)
        return bytes
    }

    /// Reads a whole file of at most `limit` bytes.
    static func contents(of path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = try openForReading(path)
        let size = try size(of: file.rawValue)
        guard size <= Int64(limit) else { throw SystemCallError(call: "read", code: EFBIG) }
        return try read(file.rawValue, offset: 0, count: Int(size))
    }

    static func size(of descriptor: CInt) throws(SystemCallError) -> Int64 {
        var status = stat()
        // SAFETY: the kernel fills a local variable before the call returns.
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemCallError(call: "fstat", code: errno)
        }
        return Int64(status.st_size)
    }

    static func exists(_ path: String) -> Bool {
        // SAFETY: the C string lives for the call.
        unsafe access(path, F_OK) == 0
    }

    /// Replaces a file at once: readers see the old contents or the new ones.
    static func replace(_ path: String, with bytes: [UInt8]) throws(SystemCallError) {
        let temporary = path + ".new"
        _ = unsafe unlink(temporary)  // SAFETY: the C string lives for the call.
        let file = try create(temporary)
        try append(bytes, to: file.rawValue)
        guard fdatasync(file.rawValue) == 0 else { throw SystemCallError(call: "fdatasync", code: errno) }
        // SAFETY: the C strings live for the call.
        guard unsafe rename(temporary, path) == 0 else { throw SystemCallError(call: "rename", code: errno) }
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ path: String) throws(SystemCallError) {
        // SAFETY: the C string lives for the call.
        if unsafe mkdir(path, folderMode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw SystemCallError(call: "mkdir", code: errno)
        }
        try makeFolder(String(path[..<slash]))
        // SAFETY: the C string lives for the call.
        guard unsafe mkdir(path, folderMode) == 0 || errno == EEXIST else {
            throw SystemCallError(call: "mkdir", code: errno)
        }
    }

    /// The names in a folder, without the hidden ones; none where there is no folder.
    static func names(in path: String) -> [String] {
        // SAFETY: the stream is closed below, and each entry is copied before the next is read.
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder with the files in it.
    static func removeFolder(_ path: String) {
        for name in names(in: path) {
            _ = unsafe unlink(path + "/" + name)  // SAFETY: the C string lives for the call.
        }
        _ = unsafe rmdir(path)  // SAFETY: the C string lives for the call.
    }

    /// Makes what has been written to a file or folder survive a loss of power.
    static func synchronise(_ path: String) {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}
