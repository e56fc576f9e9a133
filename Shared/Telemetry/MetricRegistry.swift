import Synchronization

/// A set of label values known when the program is built, so that no peer can make new time series.
public typealias MetricLabel = CaseIterable & Hashable & RawRepresentable<String> & Sendable

/// The metrics of one process, by name, as Prometheus scrapes them.
///
/// Asking twice for one name and label gives the same metric.
public final class MetricRegistry: Sendable {
    private enum Value {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case reading(@Sendable () -> Double)

        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge, .reading: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family {
        var help: String
        var type: String
        var series: [(label: String, value: Value)] = []
    }

    private let prefix: String
    private let families = Mutex<[String: Family]>([:])

    /// Creates an empty registry; every name gets `service` and an underscore in front.
    public init(service: String) {
        prefix = service + "_"
    }

    /// The counter called `name`, which ends in `_total`.
    public func counter(_ name: String, _ help: String) -> Counter {
        counter(name, help, label: "")
    }

    /// One counter for each value of a label.
    public func counters<Label: MetricLabel>(
        _ name: String,
        _ help: String,
        by label: String,
        _ values: Label.Type
    ) -> CounterFamily<Label> {
        var counters: [Label: Counter] = [:]
        for value in Label.allCases {
            counters[value] = counter(name, help, label: "{\(label)=\"\(value.rawValue)\"}")
        }
        return CounterFamily(counters: counters)
    }

    /// The gauge called `name`.
    public func gauge(_ name: String, _ help: String) -> Gauge {
        let made = register(name, help, label: "", .gauge(Gauge()))
        if case .gauge(let gauge) = made { return gauge }
        preconditionFailure("\(name) is no gauge")
    }

    /// A gauge whose number is asked for at each scrape.
    public func reading(_ name: String, _ help: String, _ read: @escaping @Sendable () -> Double) {
        _ = register(name, help, label: "", .reading(read))
    }

    /// The histogram called `name`.
    public func histogram(_ name: String, _ help: String, bounds: [Double] = Histogram.seconds) -> Histogram {
        let made = register(name, help, label: "", .histogram(Histogram(bounds: bounds)))
        if case .histogram(let histogram) = made { return histogram }
        preconditionFailure("\(name) is no histogram")
    }

    /// Every metric in Prometheus' text format, version 0.0.4.
    public var prometheusText: String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for series in family.series {
                text += Self.lines(of: series.value, name: name, label: series.label)
            }
        }
        return text
    }

    private func counter(_ name: String, _ help: String, label: String) -> Counter {
        let made = register(name, help, label: label, .counter(Counter()))
        if case .counter(let counter) = made { return counter }
        preconditionFailure("\(name) is no counter")
    }

    private func register(_ name: String, _ help: String, label: String, _ value: Value) -> Value {
        families.withLock { families in
            var family = families[prefix + name] ?? Family(help: help, type: value.type)
            if let known = family.series.first(where: { $0.label == label }) { return known.value }
            family.series.append((label, value))
            families[prefix + name] = family
            return value
        }
    }

    private static func lines(of value: Value, name: String, label: String) -> String {
        switch value {
        case .counter(let counter): "\(name)\(label) \(counter.current)\n"
        case .gauge(let gauge): "\(name)\(label) \(gauge.current)\n"
        case .reading(let read): "\(name)\(label) \(read())\n"
        case .histogram(let histogram): lines(of: histogram, name: name)
        }
    }

    private static func lines(of histogram: Histogram, name: String) -> String {
        let snapshot = histogram.snapshot
        var text = ""
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds.map { "\($0)" } + ["+Inf"], snapshot.counts) {
            total &+= count
            text += "\(name)_bucket{le=\"\(bound)\"} \(total)\n"
        }
        return text + "\(name)_sum \(snapshot.sum)\n\(name)_count \(total)\n"
    }
}

/// Counters that differ in the value of one label.
public struct CounterFamily<Label: MetricLabel>: Sendable {
    fileprivate let counters: [Label: Counter]

    /// The counter of one value.
    public subscript(label: Label) -> Counter { counters[label] ?? Counter() }
}
