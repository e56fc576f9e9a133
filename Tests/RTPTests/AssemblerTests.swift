import Media
import RTP
import Testing

@Suite struct AssemblerTests {
    private func packet(
        _ timestamp: Int64,
        _ payload: [UInt8],
        marker: Bool = false
    ) -> PacketReceiver.Delivery {
        .packet(
            ReceivedPacket(
                sequence: 0,
                timestamp: timestamp,
                hasMarker: marker,
                payloadType: 96,
                arrival: UInt64(timestamp),
                payload: payload
            )
        )
    }

    private func units(_ codec: Codec, _ deliveries: [PacketReceiver.Delivery]) throws -> [AccessUnit] {
        let created = AccessUnitAssembler(codec)
        var assembler = try #require(created)
        var units: [AccessUnit] = []
        for delivery in deliveries {
            assembler.add(delivery)
            while let unit = assembler.next() { units.append(unit) }
        }
        return units
    }

    @Test func `ends a unit where the time changes, though the marker is missing`() throws {
        let units = try units(
            .vp8,
            [
                packet(1, [0x10, 0]), packet(1, [0x00, 5]), packet(2, [0x10, 1]),
                packet(3, [0x10, 1], marker: true),
            ]
        )
        #expect(units.map(\.payload) == [[0, 5], [1], [1]])
        #expect(units.map(\.isKeyframe) == [true, false, false])
        #expect(units.map(\.arrival) == [1, 2, 3])
    }

    @Test func `passes over packets of padding alone`() throws {
        let units = try units(
            .vp8,
            [packet(1, [0x10, 0]), packet(9, []), packet(1, [0x00, 5], marker: true), packet(1, [])]
        )
        #expect(units.map(\.payload) == [[0, 5]])
    }

    @Test func `throws a unit away that misses its beginning, its middle or its end`() throws {
        let whole = packet(9, [0x10, 7], marker: true)
        let cases: [[PacketReceiver.Delivery]] = [
            [.lost(1), packet(1, [0x00, 5], marker: true), whole],
            [packet(1, [0x10, 0]), .lost(2), packet(1, [0x00, 5], marker: true), whole],
            [packet(1, [0x10, 0]), .lost(1), whole],
            [packet(1, [0x00, 0], marker: true), whole],
        ]
        for deliveries in cases {
            let units = try units(.vp8, deliveries)
            #expect(units.map(\.payload) == [[7]])
            #expect(units.map(\.followsLoss) == [true])
        }
    }

    @Test func `begins anew where the source does`() throws {
        let units = try units(.vp8, [packet(5, [0x10, 0]), .restarted, packet(5, [0x10, 1], marker: true)])
        #expect(units.map(\.payload) == [[1]])
        #expect(units.map(\.followsLoss) == [true])
    }

    @Test func `takes every packet of sound for itself, whatever the marker says`() throws {
        let units = try units(.opus, [packet(0, [0xfc, 1], marker: true), packet(960, [0xfc, 2])])
        #expect(units.map(\.payload) == [[0xfc, 1], [0xfc, 2]])
        #expect(units.map(\.isKeyframe) == [true, true])
    }

    @Test func `tells when parameter sets change`() throws {
        let units = try units(
            .h264,
            [
                packet(1, [0x67, 1]), packet(1, [0x65, 0x88], marker: true),
                packet(2, [0x67, 1]), packet(2, [0x65, 0x88], marker: true),
                packet(3, [0x67, 2]), packet(3, [0x65, 0x88], marker: true),
                packet(4, [0x41, 0x88], marker: true),
            ]
        )
        #expect(units.map(\.changesParameterSets) == [true, false, true, false])
    }

    @Test func `has no assembler for a coding that WebRTC does not carry`() {
        let isThere = AccessUnitAssembler(.mp3) != nil
        #expect(!isThere)
    }
}
