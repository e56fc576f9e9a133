import RTP
import Testing

@testable import SFU

struct AlignedRunTests {
    private func run(_ sizes: [Int]) -> PayloadRun {
        var run = PayloadRun()
        for size in sizes { run.append([UInt8](repeating: 9, count: size).span) }
        return run
    }

    @Test func `two slices of nearly one length become one run by padding`() {
        let aligned = AlignedRun(run([600, 600, 650, 640]))
        #expect(aligned.paddings == [50, 50, 0, 0])
        #expect((0..<4).map { aligned.payloads.range($0).count } == [650, 650, 650, 640])
        #expect(Array(aligned.payloads[0].suffix(51)) == [9] + [UInt8](repeating: 0, count: 49) + [50])
        #expect(aligned.cost < AlignedRun(run([600, 600, 900, 900])).cost)
    }

    @Test func `what is one run already, or too uneven, stays as it is`() {
        for sizes in [[1], [900, 900, 300], [300, 1000], [40, 1000, 1000]] {
            let aligned = AlignedRun(run(sizes))
            #expect(aligned.paddings.isEmpty && aligned.payloads == run(sizes))
        }
    }

    @Test func `where sound may follow, the last is filled up too, so that it goes along`() {
        let aligned = AlignedRun(run([800, 800, 700]), isFollowed: true)
        #expect(aligned.paddings == [0, 0, 100])
        #expect(AlignedRun(run([800, 800, 700])).paddings.isEmpty)
        #expect(AlignedRun(run([800, 800, 400]), isFollowed: true).paddings.isEmpty)
        #expect(AlignedRun(run([400]), isFollowed: true).paddings.isEmpty)
    }

    @Test(arguments: [
        ([5, 5, 5], 1), ([5, 5, 4], 1), ([5, 4, 4], 2), ([4, 5], 2), ([5, 4, 5], 2), ([], 0),
    ])
    func `a run ends behind a shorter packet and before a longer one`(_ sizes: [Int], _ count: Int) {
        #expect(AlignedRun.runCount(of: sizes) == count)
    }
}
