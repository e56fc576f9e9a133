/// The Redis streams on which services tell each other of committed facts and of what they measure.
public enum EventStream {
    /// The key of the facts on the control Redis.
    public static let key = "events"
    /// How many facts it keeps, about.
    public static let length = 100_000
    /// The key of what is measured every few seconds: whoever was away needs the next only, and looks nothing up.
    public static let measurements = "events:measured"
    /// How many measurements it keeps, about.
    public static let measurementLength = 1000
}
