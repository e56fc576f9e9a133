import CPostgres

/// The owner of one `PGconn`, of which all calls but the first are non-blocking.
@safe final class LibpqConnection: @unchecked Sendable {
    // SAFETY: used by one thread at a time: the one that starts it, then the loop's.

    enum Progress { case reading, writing, open, failed }
    enum Flush { case done, pending, failed }

    private let connection: OpaquePointer

    /// Begins to connect; may block on the lookup of a name.
    init(_ configuration: PostgresConfiguration) {
        // The later keyword wins, so dates and bytes have one form whatever the address says.
        let settings = [
            ("dbname", configuration.address),
            ("application_name", configuration.applicationName),
            ("client_encoding", "UTF8"),
            ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
            ("options", "-c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex -c IntervalStyle=iso_8601"),
        ]
        // SAFETY: both lists end with a null pointer, and their texts outlive the call.
        let pointer = unsafe withCStrings(settings.map(\.0)) { keywords in
            unsafe withCStrings(settings.map(\.1)) { values in
                unsafe PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let pointer = unsafe pointer else { preconditionFailure("no memory for a connection") }
        unsafe connection = unsafe pointer
    }

    deinit {
        // SAFETY: freed once.
        unsafe PQfinish(connection)
    }

    // SAFETY of what follows: libpq reads C strings during the call only, and results are copied at once.

    var socket: CInt { unsafe PQsocket(connection) }
    var isIdle: Bool { unsafe PQtransactionStatus(connection) == PQTRANS_IDLE }
    var message: String { unsafe trimmed(PQerrorMessage(connection)) }
    var isBusy: Bool { unsafe PQisBusy(connection) == 1 }

    func poll() -> Progress {
        switch unsafe PQconnectPoll(connection) {
        case PGRES_POLLING_READING: return .reading
        case PGRES_POLLING_WRITING: return .writing
        case PGRES_POLLING_OK:
            unsafe _ = PQsetnonblocking(connection, 1)
            unsafe _ = PQsetNoticeProcessor(connection, { _, _ in }, nil)
            return .open
        default: return .failed
        }
    }

    func send(prepare name: String, _ sql: String) -> Bool {
        unsafe PQsendPrepare(connection, name, sql, 0, nil) == 1
    }

    func send(execute name: String, _ parameters: [String?]) -> Bool {
        unsafe withCStrings(parameters) { values in
            unsafe PQsendQueryPrepared(connection, name, CInt(parameters.count), values, nil, nil, 0) == 1
        }
    }

    func send(unnamed sql: String, _ parameters: [String?]) -> Bool {
        unsafe withCStrings(parameters) { values in
            unsafe PQsendQueryParams(connection, sql, CInt(parameters.count), nil, values, nil, nil, 0) == 1
        }
    }

    func send(script sql: String) -> Bool { unsafe PQsendQuery(connection, sql) == 1 }

    func flush() -> Flush {
        switch unsafe PQflush(connection) {
        case 0: .done
        case 1: .pending
        default: .failed
        }
    }

    func consumeInput() -> Bool { unsafe PQconsumeInput(connection) == 1 }

    func nextNotification() -> (channel: String, payload: String)? {
        guard let notification = unsafe PQnotifies(connection) else { return nil }
        defer { unsafe PQfreemem(notification) }
        return unsafe (
            String(cString: notification.pointee.relname), String(cString: notification.pointee.extra)
        )
    }

    /// The next result of the query under way, or `nil` after its last.
    func nextResult() -> Result<[PostgresRow], PostgresError>? {
        guard let result = unsafe PQgetResult(connection) else { return nil }
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK: return unsafe .success(rows(of: result))
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .success([])
        default:
            let message = unsafe trimmed(PQresultErrorMessage(result))
            guard let state = unsafe PQresultErrorField(result, CInt(UInt8(ascii: "C"))) else {
                return .failure(PostgresError(.connection, message))
            }
            return unsafe .failure(PostgresError(.refused(sqlState: String(cString: state)), message))
        }
    }

    /// What another thread needs to cancel the query under way.
    func cancellation() -> LibpqCancellation? {
        guard let token = unsafe PQgetCancel(connection) else { return nil }
        return unsafe LibpqCancellation(token)
    }

    private func rows(of result: OpaquePointer) -> [PostgresRow] {
        let columnCount = unsafe PQnfields(result)
        let names = (0..<columnCount).map { unsafe String(cString: PQfname(result, $0)) }
        let columns = PostgresRow.Columns(names: names)
        return unsafe (0..<PQntuples(result)).map { row in
            let values = (0..<columnCount).map { column -> String? in
                guard unsafe PQgetisnull(result, row, column) == 0 else { return nil }
                return unsafe String(cString: PQgetvalue(result, row, column))
            }
            return PostgresRow(columns: columns, values: values)
        }
    }
}

/// Asks the server to stop a query, on a connection of its own.
@safe final class LibpqCancellation: @unchecked Sendable {
    // SAFETY: PQcancel may be called from any thread (libpq §34.7).
    private let token: OpaquePointer

    init(_ token: OpaquePointer) { unsafe self.token = unsafe token }

    deinit { unsafe PQfreeCancel(token) }

    /// Blocks until the server has heard it.
    func request() {
        var message = [CChar](repeating: 0, count: 256)
        unsafe _ = PQcancel(token, &message, CInt(message.count))
    }
}

private func trimmed(_ message: UnsafePointer<CChar>?) -> String {
    guard let message = unsafe message else { return "" }
    return unsafe String(cString: message).split(whereSeparator: \.isNewline).joined(separator: "; ")
}

/// Calls `body` with the texts as C strings, `nil` as null pointers, and a null pointer after the last.
private func withCStrings<Value>(
    _ texts: [String?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
    var storage: [CChar] = []
    var offsets: [Int?] = []
    for text in texts {
        offsets.append(text == nil ? nil : storage.count)
        guard let text else { continue }
        storage += text.utf8.map { CChar(bitPattern: $0) }
        storage.append(0)
    }
    // SAFETY: each pointer leads into `storage`, which stays put while the closure runs.
    return unsafe storage.withUnsafeBufferPointer { bytes in
        var pointers = unsafe offsets.map { offset in
            unsafe offset.flatMap { unsafe bytes.baseAddress?.advanced(by: $0) }
        }
        unsafe pointers.append(nil)
        return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
