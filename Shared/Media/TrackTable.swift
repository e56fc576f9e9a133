/// What is kept for each of the few tracks of a session, looked up for every sample: an array is searched faster
/// than a hash table.
struct TrackTable<Value: Sendable>: Sendable {
    private(set) var tracks: [TrackID] = []
    private var values: [Value] = []

    init() {}

    init(_ dictionary: [TrackID: Value]) {
        for (track, value) in dictionary { self[track] = value }
    }

    /// The same as a dictionary.
    var dictionary: [TrackID: Value] { Dictionary(uniqueKeysWithValues: zip(tracks, values)) }

    subscript(track: TrackID) -> Value? {
        get { tracks.firstIndex(of: track).map { values[$0] } }
        set {
            let index = tracks.firstIndex(of: track)
            switch (index, newValue) {
            case (let index?, let value?): values[index] = value
            case (nil, let value?):
                tracks.append(track)
                values.append(value)
            case (let index?, nil):
                tracks.remove(at: index)
                values.remove(at: index)
            case (nil, nil): break
            }
        }
    }
}
