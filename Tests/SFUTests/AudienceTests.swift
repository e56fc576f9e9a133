import TestSupport
import Testing

@testable import SFU

struct AudienceTests {
    private final class Seat {}

    @Test func `each has one turn for what has come`() {
        var audience = Audience<Seat>()
        let seats = [Seat(), Seat(), Seat()]
        for seat in seats { audience.add(seat) }
        #expect(audience.next() == nil)
        audience.announce(at: 5)
        #expect(audience.oldestArrival == 5)
        let served = (0..<4).map { _ in audience.next() }
        #expect(served[0] === seats[0] && served[1] === seats[1] && served[2] === seats[2])
        #expect(served[3] == nil && audience.isServed && audience.oldestArrival == nil)
    }

    @Test func `what comes in the middle of a round goes on where it stands`() {
        var audience = Audience<Seat>()
        let seats = [Seat(), Seat(), Seat()]
        for seat in seats { audience.add(seat) }
        audience.announce(at: 1)
        _ = audience.next()
        audience.announce(at: 2)
        #expect(audience.oldestArrival == 1)
        #expect(audience.next() === seats[1] && audience.next() === seats[2])
        #expect(audience.oldestArrival == 2)
        #expect(audience.next() === seats[0] && audience.next() == nil)
    }

    @Test func `who leaves takes nobody's turn along`() {
        var audience = Audience<Seat>()
        let seats = [Seat(), Seat(), Seat(), Seat()]
        for seat in seats { audience.add(seat) }
        audience.add(seats[0])
        #expect(audience.members.count == 4)
        audience.announce(at: 1)
        _ = audience.next()
        audience.remove(seats[0])
        audience.remove(seats[2])
        audience.remove(Seat())
        #expect(audience.next() === seats[1] && audience.next() === seats[3] && audience.next() == nil)
        for seat in seats { audience.remove(seat) }
        audience.announce(at: 2)
        #expect(audience.isServed && audience.next() == nil)
    }

    @Test func `who was served takes nobody's turn along when it leaves a round that began in the middle`() {
        var audience = Audience<Seat>()
        let seats = [Seat(), Seat(), Seat(), Seat()]
        for seat in seats { audience.add(seat) }
        audience.announce(at: 1)
        for seat in seats.prefix(2) { #expect(audience.next() === seat) }
        audience.announce(at: 2)
        #expect(audience.next() === seats[2] && audience.next() === seats[3] && audience.next() === seats[0])
        audience.remove(seats[3])
        #expect(audience.next() === seats[1] && audience.next() == nil)
    }

    @Test(arguments: 0..<200) func `everybody who waits is served once, whoever comes and goes`(seed: UInt64)
    {
        var random = SeededGenerator(seed: seed)
        var audience = Audience<Seat>()
        var waiting: [Seat] = []
        var fresh: [Seat] = []
        for step in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                audience.announce(at: UInt64(step))
                (waiting, fresh) = (audience.members, [])
            case 1 where audience.members.count < 12:
                let seat = Seat()
                audience.add(seat)
                fresh.append(seat)
            case 2:
                guard let leaver = audience.members.randomElement(using: &random) else { continue }
                audience.remove(leaver)
                waiting.removeAll { $0 === leaver }
                fresh.removeAll { $0 === leaver }
            default:
                guard let served = audience.next() else {
                    #expect(waiting.isEmpty, "seed \(seed), step \(step): somebody was left out")
                    continue
                }
                let isDue = (waiting + fresh).contains { $0 === served }
                #expect(isDue, "seed \(seed), step \(step): a second turn")
                waiting.removeAll { $0 === served }
                fresh.removeAll { $0 === served }
                #expect((audience.oldestArrival == nil) == audience.isServed)
            }
        }
    }
}
