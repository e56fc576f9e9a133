import MediaBus
import Reactor
import Telemetry

/// What does not depend on where publishers are looked up.
struct IngestParts {
    let errands = Errands()
    let context: IngestContext
    let shards: [BusShard]
    let workers: [RTMPWorker]

    init(
        _ settings: IngestSettings,
        authority: any PublishAuthority,
        bus: BusConfiguration,
        loops: EventLoopGroup,
        metrics registryOfMetrics: MetricRegistry,
        logger: Logger
    ) {
        let metrics = IngestMetrics(registryOfMetrics)
        let registry = PublisherRegistry(
            authority: authority,
            errands: errands,
            settings: settings,
            metrics: metrics,
            logger: logger
        )
        let budget = OutageBudget(byteLimit: settings.outageByteCount)
        registryOfMetrics.reading("outage_buffer_bytes", "Bytes kept for the bus.") {
            Double(budget.byteCount)
        }
        let context = IngestContext(
            settings: settings,
            logger: logger,
            metrics: metrics,
            registry: registry,
            admission: Admission(
                authority: authority,
                registry: registry,
                errands: errands,
                settings: settings,
                metrics: metrics,
                logger: logger
            ),
            budget: budget
        )
        self.context = context
        shards = loops.loops.map { loop in
            BusShard(bus, budget: budget, loop: loop, logger: logger)
        }
        workers = shards.map { RTMPWorker(loop: $0.loop, shard: $0, context: context) }
    }
}
