import Sockets

/// Where the other replicas of a service reach this one.
public enum ReplicaAddress {
    /// The address that a service listens on, or the machine's first one where it listens on all.
    public static func ofListener(_ host: String, port: String) -> String {
        join(host, port, interfaces: InterfaceAddress.all())
    }

    static func join(_ host: String, _ port: String, interfaces: [String]) -> String {
        let isAll = ["", "0.0.0.0", "::"].contains(host)
        let outside = interfaces.filter { $0 != "::1" && !$0.hasPrefix("127.") && !$0.hasPrefix("fe80:") }
        let wanted = host == "0.0.0.0" ? outside.filter { !$0.contains(":") } : outside
        let found = isAll ? wanted.first ?? "127.0.0.1" : host
        return found.contains(":") ? "[\(found)]:\(port)" : "\(found):\(port)"
    }
}
