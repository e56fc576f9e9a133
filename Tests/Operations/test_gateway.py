"""The gateway's configuration under a real nginx, before services that tell what reached them."""
import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

GATEWAY = pathlib.Path(__file__).resolve().parents[2] / "Services/Gateway"
STREAM = "abcdefghijklmnopqrstuvwx22"
OTHER = "abcdefghijklmnopqrstuvwx33"
SESSION = "abcdefghijklmnopqrstuvwx44"
TOKEN = "token-of-the-stream"
PATIENCE_SECONDS = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class FakeServices:
    """auth, catalog, origin, sfu and ingest in one process: each notes its requests; auth knows one token and one bearer.

    `full` stands for a replica of sfu and of ingest that takes nothing new.
    """

    def __init__(self):
        self.seen = []
        self.servers = {}
        for name in ("auth", "catalog", "origin", "sfu", "ingest", "full"):
            handler = type("Handler", (FakeHandler,), {"service": name, "seen": self.seen})
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers[name] = server

    def address(self, name):
        return f"127.0.0.1:{self.servers[name].server_port}"

    def of(self, name):
        return [request for request in self.seen if request["service"] == name]

    def close(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.service == "full":
            return self.answer(503, b"{}", {})
        fields = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append({"service": self.service, "method": self.command, "path": self.path, "fields": fields})
        if self.path == "/internal/authorize":
            self.authorize(fields)
        else:
            fields = {"Location": f"/whep/{STREAM}/a-b"} if self.service == "sfu" else self.caching()
            self.answer(200, json.dumps({"service": self.service}).encode(), fields)

    do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def authorize(self, fields):
        token, uri = fields.get("x-martlet-path-token"), fields["x-original-uri"]
        if fields.get("authorization") == "Bearer good":
            self.answer(204, b"", {"X-Martlet-Subject": "user", "X-Martlet-Role": "admin", "X-Martlet-Streams": "*"})
        elif token == TOKEN and uri.startswith(f"/live/{STREAM}/"):
            self.answer(204, b"", {"X-Martlet-Subject": "share", "X-Martlet-Role": "viewer"})
        else:
            self.answer(403 if token or "authorization" in fields else 401, b"", {})

    def caching(self):
        return {"X-Accel-Expires": "60", "Cache-Control": "private, immutable"} if "/7.m4s" in self.path else {}

    def answer(self, status, body, fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class GatewayTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.folder.chmod(0o755)
        cls.services = FakeServices()
        cls.port, cls.port_tls = free_port(), free_port()
        (cls.folder / "web").mkdir()
        (cls.folder / "web/index.html").write_text('<title>shell</title><script src="/_/app.js"></script>')
        (cls.folder / "web/app.js").write_text("export {}")
        cls.make_certificate()
        cls.configure()
        # As root, nginx would give its workers away to a user that cannot write here.
        cls.nginx = subprocess.Popen(
            ["nginx", "-e", str(cls.folder / "error.log"), "-c", str(cls.folder / "conf/nginx.conf"),
             "-g", "user root;" if os.getuid() == 0 else ""], stderr=subprocess.DEVNULL)
        cls.wait_until(lambda: cls.get("/healthz").status == 200)

    @classmethod
    def tearDownClass(cls):
        cls.nginx.terminate()
        cls.nginx.wait(PATIENCE_SECONDS)
        cls.services.close()
        cls.temporary.cleanup()

    @classmethod
    def make_certificate(cls):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1",
             "-subj", "/CN=test", "-keyout", cls.folder / "key", "-out", cls.folder / "crt"],
            check=True, stderr=subprocess.DEVNULL)

    @classmethod
    def configure(cls):
        names = {
            "RUN": cls.folder, "WEB": cls.folder / "web", "ACCESS_LOG": cls.folder / "access.log",
            "ERROR_LOG": cls.folder / "error.log", "SITE_PORT": cls.port, "SITE_TLS_PORT": cls.port_tls,
            "TLS_CERTIFICATE_FILE": cls.folder / "crt", "TLS_KEY_FILE": cls.folder / "key",
            "AUTH_ADDRESS": cls.services.address("auth"), "CATALOG_ADDRESS": cls.services.address("catalog"),
            "ORIGIN_ADDRESS": cls.services.address("origin"), "SFU_ADDRESS": cls.replicas("sfu"),
            "INGEST_ADDRESS": cls.replicas("ingest"),
        }
        environment = os.environ | {name: str(value) for name, value in names.items()}
        subprocess.run([GATEWAY / "render", GATEWAY, cls.folder / "conf"], env=environment, check=True)

    @classmethod
    def replicas(cls, name):
        """One that answers, one that is full, one that is gone."""
        return f"{cls.services.address(name)} {cls.services.address('full')} 127.0.0.1:{free_port()}"

    @classmethod
    def wait_until(cls, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if condition():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise AssertionError("not in time")
            threading.Event().wait(0.05)

    @classmethod
    def get(cls, path, method="GET", **fields):
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=PATIENCE_SECONDS)
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, path, headers=fields)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def setUp(self):
        self.services.seen.clear()

    def problem(self, answer, status, code):
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (status, "application/problem+json"))
        self.assertEqual(json.loads(answer.text)["code"], code)

    def test_an_anonymous_call_of_the_api_is_asked_to_log_in(self):
        answer = self.get("/api/v1/streams", User_Agent="curl/8")
        self.problem(answer, 401, "login_needed")
        self.assertIn("Basic", answer.headers["WWW-Authenticate"])
        page = self.get("/api/v1/streams", User_Agent="Mozilla/5.0")
        self.assertIsNone(page.headers["WWW-Authenticate"])
        self.assertEqual(self.services.of("catalog"), [])

    def test_what_one_may_not_see_is_not_there(self):
        self.problem(self.get("/api/v1/streams", Authorization="Bearer bad"), 404, "not_found")
        self.problem(self.get(f"/live/~{TOKEN}/{OTHER}/index.m3u8"), 404, "not_found")

    def test_identity_comes_from_auth_alone(self):
        self.get("/api/v1/recordings", Authorization="Bearer good", X_Martlet_Role="owner", X_Martlet_Grant="forged",
                 Martlet_Hop="1")
        fields = self.services.of("catalog")[0]["fields"]
        self.assertEqual((fields["x-martlet-subject"], fields["x-martlet-role"]), ("user", "admin"))
        self.assertNotIn("x-martlet-grant", fields)
        self.assertNotIn("martlet-hop", fields)
        self.get("/api/v1/time", X_Martlet_Role="owner")
        self.assertNotIn("x-martlet-role", self.services.of("catalog")[1]["fields"])

    def test_a_path_token_reaches_auth_and_nothing_else(self):
        answer = self.get(f"/live/~{TOKEN}/{STREAM}/index.m3u8?_HLS_msn=3", Cookie="martlet_session=secret-cookie")
        self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Origin"]), (200, "*"))
        asked, served = self.services.seen
        self.assertEqual(asked["fields"]["x-martlet-path-token"], TOKEN)
        self.assertEqual(asked["fields"]["x-original-uri"], f"/live/{STREAM}/index.m3u8")
        self.assertEqual(served["path"], f"/live/{STREAM}/index.m3u8?_HLS_msn=3")
        self.assertEqual(served["fields"]["x-martlet-subject"], "share")
        self.assertNotIn(TOKEN, json.dumps(served))
        self.assertNotIn("secret-cookie", json.dumps(served))
        for path in (f"/live/~{TOKEN}/%2e%2e/x", f"/live/{STREAM}/~{TOKEN}/x", f"/live/~a/%7e{TOKEN}/x", f"/~{TOKEN}",
                     f"/live/~a/{STREAM}/~{TOKEN}/last"):
            self.get(path)
        access = self.folder / "access.log"
        self.wait_until(lambda: f'/live/{STREAM}/index.m3u8"' in access.read_text())
        self.wait_until(lambda: access.read_text().count('"http.path":"/live/') >= 5)
        for log in (access, self.folder / "error.log"):
            self.assertNotIn(TOKEN, log.read_text())

    def test_a_viewer_by_webrtc_is_asked_for_its_right_and_keeps_its_token(self):
        answer = self.get(f"/whep/~{TOKEN}/{STREAM}", "POST")
        self.assertEqual((answer.status, answer.headers["Location"]), (200, f"/whep/~{TOKEN}/{STREAM}/a-b"))
        asked, served = self.services.seen
        self.assertEqual(asked["fields"]["x-original-uri"], f"/live/{STREAM}/whep")
        self.assertEqual(asked["fields"]["x-original-method"], "POST")
        self.assertEqual((served["service"], served["method"], served["path"]), ("sfu", "POST", f"/whep/{STREAM}"))
        self.assertNotIn(TOKEN, json.dumps(served))
        own = self.get(f"/whep/{STREAM}/a-b", "DELETE", Authorization="Bearer good")
        self.assertEqual((own.status, own.headers["Location"]), (200, f"/whep/{STREAM}/a-b"))
        self.assertNotIn("authorization", self.services.of("sfu")[1]["fields"])
        self.assertEqual(self.get(f"/whep/{STREAM}", "POST").status, 401)
        self.assertEqual(self.get("/whep/short", "POST", Authorization="Bearer good").status, 404)

    def test_a_preflight_of_a_viewer_by_webrtc_needs_no_right(self):
        self.assertEqual(self.get(f"/whep/{STREAM}", "OPTIONS").status, 200)
        self.assertEqual([request["service"] for request in self.services.seen], ["sfu"])

    def test_a_member_publishes_by_webrtc_with_the_role_that_auth_says(self):
        answer = self.get(f"/whip/{STREAM}", "POST", Authorization="Bearer good", **{"X-Martlet-Role": "viewer"})
        self.assertEqual(answer.status, 200)
        asked, served = self.services.seen
        self.assertEqual(asked["fields"]["x-original-uri"], f"/api/v1/streams/{STREAM}/whip")
        self.assertEqual((served["service"], served["path"]), ("ingest", f"/whip/{STREAM}"))
        self.assertEqual(served["fields"]["x-martlet-role"], "admin")
        self.assertNotIn("authorization", served["fields"])

    def test_whoever_auth_does_not_know_publishes_by_webrtc_with_a_key_alone(self):
        for fields in ({"Authorization": "Bearer main?k=key"}, {}):
            forged = {"X-Martlet-Role": "admin", "X-Martlet-Subject": "user"}
            self.assertEqual(self.get(f"/whip/{STREAM}", "POST", **fields, **forged).status, 200)
            served = self.services.of("ingest")[-1]["fields"]
            self.assertNotIn("x-martlet-role", served)
            self.assertNotIn("x-martlet-subject", served)
            self.assertEqual(served.get("authorization"), fields.get("Authorization"))

    def test_a_session_by_webrtc_is_its_own_credential(self):
        for method, path in (("PATCH", f"/whip/{STREAM}/0-{SESSION}"), ("OPTIONS", f"/whip/{STREAM}")):
            self.assertEqual(self.get(path, method).status, 200)
        self.assertEqual({request["service"] for request in self.services.seen}, {"ingest"})
        self.assertEqual(self.get(f"/whip/{STREAM}/{SESSION}", "DELETE").status, 404)
        self.assertEqual(self.get(f"/whip/{STREAM}/../x", "DELETE").status, 404)

    def test_what_one_replica_does_not_take_goes_to_the_next(self):
        for name, path in (("sfu", f"/whep/{STREAM}"), ("ingest", f"/whip/{STREAM}")):
            for _ in range(6):
                self.assertEqual(self.get(path, "POST", Authorization="Bearer good").status, 200)
            self.assertEqual(len(self.services.of(name)), 6)

    def test_auth_is_asked_once_a_second_for_the_same_right(self):
        for part in range(5):
            self.get(f"/live/~{TOKEN}/{STREAM}/{SESSION}/1/8.{part}.m4s")
        self.assertLess(len(self.services.of("auth")), 3)
        self.assertEqual(len(self.services.of("origin")), 5)

    def test_one_credential_never_answers_for_another(self):
        path = f"/live/{STREAM}/{SESSION}/1/live.m3u8"
        self.assertEqual(self.get(path, Authorization="Bearer good").status, 200)
        self.assertEqual(self.get(path, Authorization="Bearer bad").status, 404)
        self.assertEqual(self.get(path).status, 401)
        self.assertEqual(self.get(path, Cookie="martlet_session=; martlet_session=x").status, 401)

    def test_an_old_segment_is_read_once_and_a_part_each_time(self):
        old, part = f"/live/{STREAM}/{SESSION}/1/7.m4s", f"/live/{STREAM}/{SESSION}/1/9.2.m4s"
        answers = [self.get(path, Authorization="Bearer good") for path in (old, old, part, part)]
        self.assertEqual([answer.status for answer in answers], [200] * 4)
        self.assertEqual([request["path"] for request in self.services.of("origin")], [old, part, part])
        self.assertEqual(answers[1].headers["Cache-Control"], "private, immutable")
        partial = self.get(old, Authorization="Bearer good", Range="bytes=2-4")
        self.assertEqual((partial.status, partial.text), (206, answers[0].text[2:5]))

    def test_a_kept_segment_answers_one_range_and_no_absurd_one(self):
        path = f"/live/{STREAM}/{SESSION}/2/7.m4s"
        whole = self.get(path, Authorization="Bearer good").text
        for given in ("bytes=5-2", "bytes=99999999999999999999-", f"bytes={len(whole)}-", "bytes=a-b"):
            answer = self.get(path, Authorization="Bearer good", Range=given)
            self.assertEqual((answer.status, json.loads(answer.text)["code"]), (416, "range_not_satisfiable"), given)
        several = self.get(path, Authorization="Bearer good", Range="bytes=0-0,1-1,2-2")
        self.assertEqual((several.status, several.text), (200, whole))

    def test_ambiguous_addresses_of_the_api_and_of_media_are_refused(self):
        for path in ("/api/v1/%6cogin", "/api/v1/login/../streams", "/api//v1/streams", "/api/v1/a%2fb",
                     f"/live/{STREAM}/../{OTHER}/x%0d%0ay", f"/live/{STREAM}/a%0d%0ab", "/live/short/index.m3u8"):
            self.assertEqual(self.get(path, Authorization="Bearer good").status, 404, path)
        self.assertEqual(self.services.of("catalog") + self.services.of("origin"), [])

    def test_what_cannot_be_read_is_said_to_be_malformed(self):
        self.problem(self.get("/%00"), 400, "bad_request")
        self.problem(self.get(f"/whep/%00/{SESSION}", "DELETE"), 400, "bad_request")
        self.problem(self.get("/whep/" + OTHER, X_Large="x" * 20_000), 400, "bad_request")

    def test_logins_are_limited(self):
        statuses = [self.get("/api/v1/login", "POST", Content_Length="0").status for _ in range(30)]
        self.assertEqual(statuses[0], 200)
        self.assertEqual(statuses[-1], 429)

    def test_a_page_may_run_only_its_own_scripts(self):
        for path in ("/", "/login", "/streams", "/watch/main", "/embed/main"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.text[:20]), (200, "<title>shell</title>"), path)
            self.assertEqual(answer.headers["Cache-Control"], "no-cache", path)
            policy = answer.headers["Content-Security-Policy"]
            self.assertIn("script-src 'self';", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIn("frame-ancestors *" if path.startswith("/embed") else "frame-ancestors 'self'", policy)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(self.get("/nothing").status, 404)
        self.assertEqual(self.get("/.git/config").status, 404)

    def test_the_files_of_a_page_are_kept_under_their_version(self):
        script = re.search('src="(/_/[0-9a-f]{12}/app.js)"', self.get("/").text)[1]
        kept = self.get(script)
        self.assertEqual((kept.status, kept.text), (200, "export {}"))
        self.assertEqual(kept.headers["Cache-Control"], "public, max-age=31536000, immutable")
        self.assertIn("script-src 'self';", kept.headers["Content-Security-Policy"])
        for path in ("/_/000000000000/app.js", "/_/app.js", "/app.js"):
            self.assertEqual((self.get(path).status, self.get(path).headers["Cache-Control"]), (200, "no-cache"), path)
        missing = self.get(script.replace("app.js", "nothing.js"))
        self.assertEqual((missing.status, missing.headers["Cache-Control"]), (404, "no-cache"))

    def test_a_service_that_is_down_is_said_to_be(self):
        gone = self.services.servers["catalog"]
        gone.shutdown()
        gone.server_close()
        answer = self.get("/api/v1/time")
        self.problem(answer, 503, "service_restarting")
        self.assertEqual(answer.headers["Retry-After"], "1")
        handler = gone.RequestHandlerClass
        back = http.server.ThreadingHTTPServer(gone.server_address, handler)
        threading.Thread(target=back.serve_forever, daemon=True).start()
        self.services.servers["catalog"] = back
        self.assertEqual(self.get("/api/v1/time").status, 200)

    def test_both_ports_speak_and_tls_offers_http_2(self):
        import ssl

        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", self.port_tls)) as plain:
            with context.wrap_socket(plain) as secure:
                self.assertEqual(secure.selected_alpn_protocol(), "h2")


if __name__ == "__main__":
    unittest.main()
