import Testing

@testable import SFU

@Suite struct DrainTests {
    private static func portions(_ count: Int, over time: Duration) -> [Int] {
        let sessions = (0..<count).map(String.init)
        let plan = DrainPlan(sessions, over: time)
        #expect(Array(plan.portions.joined()) == sessions, "everybody once, in order")
        return plan.portions.map(\.count)
    }

    @Test func `few viewers go at once, more in portions of 64`() {
        #expect(Self.portions(0, over: .seconds(10)) == [])
        #expect(Self.portions(64, over: .seconds(10)) == [64])
        #expect(Self.portions(150, over: .seconds(10)) == [64, 64, 22])
    }

    @Test func `very many go within the time there is`() {
        let portions = Self.portions(100_001, over: .seconds(10))
        #expect(portions.count <= 200)
        #expect(portions.dropLast().allSatisfy { $0 == 501 })
    }

    @Test func `without any time all go at once`() {
        #expect(Self.portions(5000, over: .zero) == [5000])
    }
}
