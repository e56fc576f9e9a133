/// The Redis stream on which services tell each other of committed facts.
public enum EventStream {
    /// Its key on the control Redis.
    public static let key = "events"
    /// How many events it keeps, about.
    public static let length = 100_000
}
