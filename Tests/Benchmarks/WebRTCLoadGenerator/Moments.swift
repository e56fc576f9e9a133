import Foundation

/// What a measuring program says and knows of itself.
enum Moments {
    /// Tells who measures the hub when counting begins and ends.
    static func say(_ moment: String) {
        FileHandle.standardOutput.write(Data("\(moment)\n".utf8))
    }

    /// What this process has worked so far.
    static var processorSeconds: Double {
        var time = timespec()
        // SAFETY: the kernel writes a local variable.
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
