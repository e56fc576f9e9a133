import Contracts
import Lifecycle
import MediaBus
import Reactor
import Redis
import Telemetry

/// Looks what is wanted, claims what nobody makes, and runs the makers.
actor RenditionWorker: Service {
    /// How long one looks away at most: a worker that dies is replaced that much after its lease.
    private static let longestLook = Duration.milliseconds(500)
    private static let retryDelay = Duration.milliseconds(200)
    /// How long a rendition rests that could not be made.
    private static let restAfterFailure = Duration.seconds(5)
    /// How much longer a worker hesitates for each rendition that it makes, so that idle ones come first.
    private static let hesitation = Duration.milliseconds(4)
    private static let longestHesitation = Duration.milliseconds(100)

    nonisolated let name = "rendition-worker"
    nonisolated let loop: EventLoop
    private let holder: String
    private let settings: TranscoderSettings
    private let wants: BusWants
    private let places: [RenditionMaker.Place]
    private let metrics: TranscoderMetrics
    private let logger: Logger
    private var makers: [BusStreamName: RenditionMaker] = [:]
    /// The makers at each place.
    private var loads: [Int]
    private var startedReaders: Set<ObjectIdentifier> = []
    private var resting: [BusStreamName: UInt64] = [:]
    private var isDraining = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a worker.
    ///
    /// - Parameters:
    ///   - holder: What the leases say; unique to this process.
    ///   - places: Where makers can run; the one with the fewest gets the next.
    init(
        holder: String,
        settings: TranscoderSettings,
        wants: BusWants,
        loop: EventLoop,
        places: [RenditionMaker.Place],
        metrics: TranscoderMetrics,
        logger: Logger
    ) {
        self.holder = holder
        self.settings = settings
        self.wants = wants
        self.loop = loop
        self.places = places
        loads = [Int](repeating: 0, count: places.count)
        self.metrics = metrics
        self.logger = logger
    }

    /// Works until `shutdown` is requested, then hands everything to the other workers.
    func run(until shutdown: Shutdown) async throws {
        // The readers stop after the last maker.
        let stopped = Shutdown()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await shutdown.requested()
                await self.drain()
                stopped.request()
            }
            var id = BusWants.beginning
            while !isDraining {
                for claim in await look(after: &id) {
                    let place = lightestPlace()
                    if let reader = unstartedReader(of: claim.name, at: place) {
                        group.addTask { try? await reader.run(until: stopped) }
                    }
                    group.addTask { await self.make(claim, at: place) }
                }
            }
        }
    }

    /// Returns when the last maker has ended.
    private func drain() async {
        isDraining = true
        for maker in makers.values { await maker.stop(.draining) }
        while !makers.isEmpty {
            guard (try? await loop.sleep(for: Self.retryDelay / 10)) != nil else { return }
        }
    }

    // MARK: Wants

    /// Waits for something new, ends what nobody wants any longer, and claims what there is room for.
    private func look(after id: inout String) async -> [RenditionClaim] {
        do throws(RedisError) {
            id = try await wants.wait(after: id, atMost: Self.longestLook)
            let wanted = try await wants.current()
            for (name, maker) in makers where !wanted.contains(name) { await maker.stop(.unwanted) }
            return try await claim(wanted.filter { makers[$0] == nil })
        } catch {
            try? await loop.sleep(for: Self.retryDelay)
            return []
        }
    }

    private func claim(_ wanted: [BusStreamName]) async throws(RedisError) -> [RenditionClaim] {
        let now = EventLoop.now
        resting = resting.filter { $0.value > now }
        let open = wanted.filter { resting[$0] == nil && hasRoom(for: $0, besides: 0) }
        guard !open.isEmpty else { return [] }
        let pause = min(Self.longestHesitation, Self.hesitation * makers.count)
        if pause > .zero { try? await loop.sleep(for: pause) }
        var claims: [RenditionClaim] = []
        for name in open where !isDraining && hasRoom(for: name, besides: claims.count) {
            switch try await wants.claim(name, holder: holder) {
            case .claimed(let claim): claims.append(claim)
            case .taken: continue
            case .givenUp: giveUp(name)
            }
        }
        return claims
    }

    private func hasRoom(for name: BusStreamName, besides claimed: Int) -> Bool {
        let isOfPictures = RenditionRecipe.isOfPictures(name.rendition)
        let count = makers.keys.count { RenditionRecipe.isOfPictures($0.rendition) == isOfPictures }
        return count + claimed < (isOfPictures ? settings.pictureLimit : settings.soundLimit)
    }

    private func giveUp(_ name: BusStreamName) {
        metrics.givenUp.increment()
        logger.log(.error, "a rendition is left alone: its makers died of it", [.stream: name])
        resting[name] = EventLoop.now &+ BusWants.attemptWindow.nanoseconds / 2
    }

    // MARK: Makers

    private func make(_ claim: RenditionClaim, at place: Int) async {
        let maker = RenditionMaker(
            claim,
            at: places[place],
            recipe: RenditionRecipe(settings: settings),
            metrics: metrics,
            logger: logger
        )
        makers[claim.name] = maker
        metrics.makers.set(Int64(makers.count))
        logger.log(.info, "a rendition is made here", [.stream: claim.name, .epoch: claim.epoch])
        if isDraining { await maker.stop(.draining) }
        let ending = await maker.run()
        makers[claim.name] = nil
        loads[place] -= 1
        metrics.makers.set(Int64(makers.count))
        switch ending {
        case .unsupported, .failed:
            resting[claim.name] = EventLoop.now &+ Self.restAfterFailure.nanoseconds
        case .unwanted, .sessionEnded, .leaseLost, .draining: break
        }
    }

    private func lightestPlace() -> Int {
        let place = loads.indices.min { loads[$0] < loads[$1] } ?? 0
        loads[place] += 1
        return place
    }

    /// The reader that a maker needs, where it is the first to need it: one that reads nothing costs too.
    private func unstartedReader(of name: BusStreamName, at place: Int) -> BusReader? {
        guard let reader = name.rendition.flatMap({ places[place].readers[$0] }) else { return nil }
        return startedReaders.insert(ObjectIdentifier(reader)).inserted ? reader : nil
    }
}
