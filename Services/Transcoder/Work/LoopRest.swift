import Reactor

/// Lets a loop rest while all that is made on it can wait a little, so that one waking serves what has come from the
/// bus meanwhile: of sound, every waking costs as much as a packet.
///
/// Made anywhere, then used on the loop only.
final class LoopRest: @unchecked Sendable {
    // SAFETY: `precondition(isInLoop)` of the loop's rest guards every change.

    private static let length = Duration.milliseconds(15)

    private let loop: EventLoop
    private var hurriedCount = 0
    private var patientCount = 0

    init(_ loop: EventLoop) { self.loop = loop }

    /// Adds a maker that cannot wait.
    func begin() { change(hurried: 1, patient: 0) }

    /// Takes note that a maker can wait from now on.
    func becomePatient() { change(hurried: -1, patient: 1) }

    /// Removes a maker.
    func end(isPatient: Bool) { change(hurried: isPatient ? 0 : -1, patient: isPatient ? -1 : 0) }

    private func change(hurried: Int, patient: Int) {
        hurriedCount += hurried
        patientCount += patient
        loop.rest = hurriedCount == 0 && patientCount > 0 ? Self.length : .zero
    }
}
