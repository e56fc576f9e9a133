import Foundation
import HTTPServing
import Testing

@testable import Auth

@Suite(.timeLimit(.minutes(2))) struct LoginTests {
    @Test func `the administrator logs in, is known, and logs out`() async throws {
        try await AuthStack.run { stack in
            let answer = try await stack.send(
                "POST",
                "/api/v1/login",
                ["user": "Admin", "password": AuthStack.password],
                headers: ["x-forwarded-proto": "https"]
            )
            #expect(answer.status == 200)
            #expect(answer.text("name") == "admin")
            #expect(answer.text("role") == "admin")
            let field = try #require(answer.headers["set-cookie"])
            for attribute in ["Path=/;", "HttpOnly", "SameSite=Lax", "Secure"] {
                #expect(field.contains(attribute))
            }
            let cookie = try #require(answer.cookie("martlet_session"))
            let page: HTTPFields = ["cookie": "martlet_session=\(cookie)", "sec-fetch-site": "same-origin"]
            let me = try await stack.send("GET", "/api/v1/me", headers: page)
            #expect(me.status == 200)
            #expect(me.text("name") == "admin")
            #expect(try await stack.send("POST", "/api/v1/logout", headers: page).status == 204)
            #expect(try await stack.send("GET", "/api/v1/me", headers: page).status == 401)
            #expect(try await stack.authorize("GET", "/api/v1/streams", headers: page).status == 401)
        }
    }

    @Test func `a wrong password and an unknown user get the same answer`() async throws {
        try await AuthStack.run { stack in
            let wrong = try await stack.send("POST", "/api/v1/login", ["user": "admin", "password": "x"])
            let unknown = try await stack.send("POST", "/api/v1/login", ["user": "nobody", "password": "x"])
            #expect(wrong.status == 401)
            #expect(wrong.body == unknown.body)
            #expect(wrong.text("code") == "wrong_credentials")
        }
    }

    @Test func `guessing is slowed down for the address and the user alone`() async throws {
        try await AuthStack.run { stack in
            func attempt(_ password: String, from address: String) async throws -> AuthStack.Answer {
                try await stack.send(
                    "POST",
                    "/api/v1/login",
                    ["user": "admin", "password": password],
                    headers: ["x-forwarded-for": address]
                )
            }
            for _ in 0..<LoginThrottle.freeFailures {
                #expect(try await attempt("guess", from: "192.0.2.1").status == 401)
            }
            let refused = try await attempt(AuthStack.password, from: "192.0.2.1")
            #expect(refused.status == 429)
            #expect(Int(refused.headers["retry-after"] ?? "").map { $0 >= 1 } == true)
            #expect(try await attempt(AuthStack.password, from: "192.0.2.2").status == 200)
        }
    }

    @Test func `basic credentials and bearer tokens serve scripts until they are revoked`() async throws {
        try await AuthStack.run { stack in
            #expect(
                try await stack.authorize("POST", "/api/v1/streams", headers: AuthStack.basic).status == 204
            )
            let made = try await stack.send(
                "POST",
                "/api/v1/tokens",
                ["name": "ci"],
                headers: AuthStack.basic
            )
            #expect(made.status == 201)
            let bearer: HTTPFields = ["authorization": "Bearer " + made.text("token")]
            let allowed = try await stack.authorize("DELETE", "/api/v1/streams/x", headers: bearer)
            #expect(allowed.status == 204)
            #expect(allowed.headers["x-martlet-role"] == "admin")
            #expect(allowed.headers["x-martlet-streams"] == "*")
            let list = try await stack.send("GET", "/api/v1/tokens", headers: bearer)
            #expect(list.items.count == 1)
            #expect(list.items.first?["token"] == nil)
            let path = "/api/v1/tokens/" + made.text("id")
            #expect(try await stack.send("DELETE", path, headers: AuthStack.basic).status == 204)
            try await stack.eventually(401) {
                try await stack.authorize("GET", "/api/v1/me", headers: bearer)
            }
        }
    }

    @Test func `many scripts may begin at once with one password`() async throws {
        try await AuthStack.run { stack in
            try await withThrowingTaskGroup { group in
                for _ in 0..<30 {
                    group.addTask {
                        try await stack.authorize("GET", "/api/v1/me", headers: AuthStack.basic).status
                    }
                }
                for try await status in group { #expect(status == 204) }
            }
        }
    }

    @Test func `what is no credential is refused`() async throws {
        let fields = [
            "Basic", "Basic !!!", "Basic YWRtaW4=", "Basic YWRtaW46d3Jvbmc=", "Bearer", "Bearer x",
            "Digest a=b",
            "Bearer mlt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Basic YQBiOmM=",
        ]
        try await AuthStack.run { stack in
            for field in fields {
                let answer = try await stack.authorize("GET", "/api/v1/me", headers: ["authorization": field])
                #expect(answer.status == 401, "\(field)")
            }
        }
    }

    @Test func `a page of another site changes nothing by our cookie`() async throws {
        let table: [(HTTPFields, Int)] = [
            (["sec-fetch-site": "cross-site"], 403),
            (["sec-fetch-site": "same-site"], 403),
            ([:], 403),
            (["origin": "http://evil.test", "host": "martlet.test"], 403),
            (["origin": "null", "host": "martlet.test"], 403),
            (["origin": "http://martlet.test"], 204),
            (["origin": "https://other.test:8443", "host": "other.test:8443"], 204),
            (["sec-fetch-site": "same-origin"], 204),
        ]
        try await AuthStack.run { stack in
            let cookie = try await stack.login()["cookie"]
            for (fields, status) in table {
                var headers = fields
                headers["cookie"] = cookie
                #expect(
                    try await stack.authorize("POST", "/api/v1/streams", headers: headers).status == status
                )
                #expect(try await stack.authorize("GET", "/api/v1/streams", headers: headers).status == 204)
                let own = try await stack.send("POST", "/api/v1/tokens", [:], headers: headers)
                #expect(own.status == (status == 204 ? 201 : 403))
            }
        }
    }

    @Test func `a form of another site cannot log a browser in`() async throws {
        try await AuthStack.run { stack in
            let form: HTTPFields = ["content-type": "text/plain"]
            let byForm = try await stack.send("POST", "/api/v1/login", headers: form)
            #expect(byForm.status == 415)
            let foreign: HTTPFields = ["sec-fetch-site": "cross-site"]
            let body = ["user": "admin", "password": AuthStack.password]
            #expect(try await stack.send("POST", "/api/v1/login", body, headers: foreign).status == 403)
        }
    }
}
