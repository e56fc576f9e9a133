import Crypto
import Foundation
import HTTPServing

/// A session that could not be negotiated.
struct SignallingFailure: Error, CustomStringConvertible {
    var status: Int
    var text: String
    var description: String { "status \(status): \(text)" }
}

/// Watches a mount point of Janus's streaming plugin by its HTTP interface, where the server offers.
struct JanusSignalling {
    /// What Janus answers, as far as it is read.
    private struct Reply: Decodable {
        struct Created: Decodable { var id: UInt64 }
        struct Description: Decodable {
            var type: String
            var sdp: String
        }
        var janus: String
        var data: Created?
        var jsep: Description?
    }

    private struct Request: Encodable {
        struct Body: Encodable {
            var request: String
            var id: Int?
        }
        struct Description: Encodable {
            var type = "answer"
            var sdp: String
        }
        var janus: String
        var transaction = "t"
        var plugin: String?
        var body: Body?
        var jsep: Description?
    }

    private static let eventLimit = 5

    let client: HTTPClient
    let url: String
    let mountPoint: Int

    func watch(
        _ viewer: LoadPeer,
        fingerprint: CertificateFingerprint
    ) async throws -> SessionText.Description {
        let session = url + "/" + (try await create(Request(janus: "create"), at: url))
        let plugin = Request(janus: "attach", plugin: "janus.plugin.streaming")
        let handle = session + "/" + (try await create(plugin, at: session))
        let watch = Request.Body(request: "watch", id: mountPoint)
        _ = try await post(Request(janus: "message", body: watch), to: handle)
        let offer = try await offer(of: session)
        let answer = SessionText.answer(viewer, to: offer, fingerprint: fingerprint)
        let start = Request(janus: "message", body: .init(request: "start"), jsep: .init(sdp: answer))
        _ = try await post(start, to: handle)
        return offer
    }

    private func create(_ request: Request, at url: String) async throws -> String {
        let reply = try await post(request, to: url)
        guard let id = reply.data?.id else { throw SignallingFailure(status: 200, text: reply.janus) }
        return String(id)
    }

    private func offer(of session: String) async throws -> SessionText.Description {
        for _ in 0..<Self.eventLimit {
            let reply = try await decode(client.request("GET", session + "?maxev=1"))
            guard let description = reply.jsep else { continue }
            guard var offer = SessionText.description(description.sdp) else { break }
            offer.isInControl = !description.sdp.contains("a=ice-lite")
            return offer
        }
        throw SignallingFailure(status: 200, text: "no offer")
    }

    private func post(_ request: Request, to url: String) async throws -> Reply {
        let body = Array(try JSONEncoder().encode(request))
        return try await decode(
            client.request("POST", url, headers: ["content-type": "application/json"], body: body)
        )
    }

    private func decode(_ response: HTTPClientResponse) async throws -> Reply {
        let body = try await response.body.collect(upTo: 65_536)
        do {
            return try JSONDecoder().decode(Reply.self, from: Data(body))
        } catch {
            throw SignallingFailure(
                status: response.status,
                text: String(decoding: body.prefix(200), as: UTF8.self)
            )
        }
    }
}
