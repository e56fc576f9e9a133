import RTP
import Testing

@testable import Ingest

struct CaptureAgeTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000
    /// Our monotonic clock at the beginning.
    private static let start = 5 * second
    /// What the publisher's clock shows then, in NTP's seconds.
    private static let theirs: UInt64 = 3_900_000_000

    /// The publisher's clock in NTP's format, `nanoseconds` after the beginning.
    private static func ntp(_ nanoseconds: UInt64, setBy step: UInt64 = 0) -> UInt64 {
        let whole = nanoseconds / second
        return (theirs + step + whole) << 32 | ((nanoseconds % second) << 32) / second
    }

    private static func report(_ time: UInt64, setBy step: UInt64 = 0) -> SenderReport {
        SenderReport(
            ssrc: 1,
            ntpTime: ntp(time, setBy: step),
            rtpTimestamp: 0,
            packetCount: 0,
            byteCount: 0,
            reports: []
        )
    }

    /// Pictures of 30 a second that are `age` old when they come, by a way that takes `way` and up to 40 ms more.
    private static func publish(
        into capture: inout CaptureAge,
        from first: UInt64,
        seconds: UInt64,
        age: UInt64,
        way: UInt64,
        clockOffset: Int64? = nil,
        setBy step: UInt64 = 0
    ) -> Int64? {
        var last: Int64?
        for picture in 0..<(30 * seconds) {
            let now = first * second + picture * second / 30
            let jitter = picture % 3 * 20 * millisecond
            let shift = UInt64(bitPattern: clockOffset ?? 0)
            let time = ntp(now, setBy: step) &+ shift
            capture.note(.init(time: time, clockOffset: clockOffset), at: start + now + age + jitter)
            if picture % 31 == 0 { capture.note(report(now, setBy: step), at: start + now + way + jitter) }
            last = capture.value(at: start + now)
        }
        return last
    }

    @Test func `the age is the delay before the sending and that of the way, without jitter`() throws {
        var capture = CaptureAge()
        capture.roundTrip = 60 * Self.millisecond
        let age = Self.publish(
            into: &capture,
            from: 0,
            seconds: 12,
            age: 75 * Self.millisecond,
            way: 30 * Self.millisecond
        )
        #expect(try abs(#require(age) - 75_000_000) < 100_000)
    }

    @Test func `the age begins at nothing and moves by a hundredth of the time`() throws {
        var capture = CaptureAge()
        #expect(capture.value(at: Self.start) == nil)
        capture.note(.init(time: Self.ntp(0)), at: Self.start + 80 * Self.millisecond)
        #expect(capture.value(at: Self.start) == nil)
        capture.note(Self.report(0), at: Self.start)
        #expect(capture.value(at: Self.start) == 0)
        #expect(capture.value(at: Self.start + 500 * Self.millisecond) == 5_000_000)
        #expect(capture.value(at: Self.start + 100 * Self.second) == 15_000_000)
    }

    @Test func `what another system has captured counts by the sender's clock`() throws {
        var capture = CaptureAge()
        let age = Self.publish(
            into: &capture,
            from: 0,
            seconds: 12,
            age: 50 * Self.millisecond,
            way: 0,
            clockOffset: -(1000 << 32)
        )
        #expect(try abs(#require(age) - 50_000_000) < 100_000)
    }

    @Test func `a clock that is set moves the age by little, and not for long`() throws {
        var capture = CaptureAge()
        let age = 60 * Self.millisecond
        _ = Self.publish(into: &capture, from: 0, seconds: 12, age: age, way: 0)
        let soon = Self.publish(into: &capture, from: 12, seconds: 1, age: age, way: 0, setBy: 3600)
        #expect(try abs(#require(soon) - 60_000_000) < 12_000_000)
        let later = Self.publish(into: &capture, from: 13, seconds: 40, age: age, way: 0, setBy: 3600)
        #expect(try abs(#require(later) - 60_000_000) < 100_000)
        let back = Self.publish(into: &capture, from: 53, seconds: 60, age: age, way: 0)
        #expect(try abs(#require(back) - 60_000_000) < 100_000)
    }

    @Test func `no numbers trap`() {
        var capture = CaptureAge()
        capture.roundTrip = .max
        for time in [0, .max, 1 << 63, 1] as [UInt64] {
            for offset in [nil, .min, .max, -1] as [Int64?] {
                capture.note(.init(time: time, clockOffset: offset), at: time)
                capture.note(
                    SenderReport(
                        ssrc: 1,
                        ntpTime: time,
                        rtpTimestamp: 0,
                        packetCount: 0,
                        byteCount: 0,
                        reports: []
                    ),
                    at: ~time
                )
                let age = capture.value(at: time) ?? 0
                #expect(age >= 0 && age <= CaptureAge.most)
            }
        }
    }
}
