"""The running product that the tests talk to, and what they do to its processes."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from waiting import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# Offsets to the base, as scripts/settings.sh has them.
PORTS = {"ingest": 103, "origin": 104, "sfu": 105, "transcoder": 106, "ingest-webrtc": 180, "sfu-webrtc": 190}


class Response:
    """An HTTP answer, whatever its status."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Stack:
    """One stack, brought up by `make up` in a data folder of its own, or one that already runs."""

    def __init__(self, data, port_base, settings):
        self.data = pathlib.Path(data)
        self.environment = dict(
            os.environ, MARTLET_DATA=str(data), MARTLET_PORT_BASE=str(port_base), **settings
        )
        self.access = {}
        self.said = ""  # by the last `make up`
        self.made = []  # (slug, HLS URL) of the streams that were made

    def up(self):
        """Brings the stack up with the README's command."""
        log = self.data.parent / (self.data.name + ".up.log")
        with open(log, "w") as output:
            code = subprocess.call(
                ["make", "up"], cwd=REPOSITORY, env=self.environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL,
            )
        self.said = log.read_text()
        assert code == 0, "make up failed:\n" + self.said[-4000:]
        self.access = json.loads((self.data / "access.json").read_text())

    def down(self):
        """Stops it."""
        subprocess.call(
            ["make", "down"], cwd=REPOSITORY, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )

    # HTTP

    def absolute(self, target):
        """The URL of a path of the site; a whole URL as it is."""
        return urllib.parse.urljoin(self.site, target)

    @property
    def site(self):
        return self.access["site"]

    @property
    def stream_id(self):
        return self.access["whip_url"].rsplit("/", 1)[1]

    @property
    def publish_url(self):
        return self.access["rtmp_url"] + "/" + self.access["stream_key"]

    def request(self, target, method="GET", body=None, headers=None, authorised=True, timeout=20):
        """Sends one request; `target` is a path of the site or a whole URL."""
        url = target if "://" in target else self.site + target
        headers = dict(headers or {})
        if authorised and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = "Bearer " + self.access["api_token"]
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Response(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Response(error.code, error.headers, error.read())

    def api(self, target, method="GET", body=None, expect=range(200, 300)):
        """Calls the API as the administrator's token and returns the JSON of the answer."""
        answer = self.request("/api/v1" + target, method, body)
        assert answer.status in expect, f"{method} {target}: {answer.status} {answer.text[:400]}"
        return answer.json() if answer.body else None

    def basic_authorization(self):
        pair = f"{self.access['admin_user']}:{self.access['admin_password']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def watch_state(self, slug="main"):
        return self.api(f"/watch/{slug}")

    def state_of(self, slug):
        """The state of a stream, None where there is no such stream any more."""
        answer = self.request(f"/api/v1/watch/{slug}")
        return answer.json()["state"] if answer.status == 200 else None

    def recordings(self, stream_id=None):
        items = self.api("/recordings?limit=100")["items"]
        return [item for item in items if item["streamId"] == (stream_id or self.stream_id)]

    def new_stream(self, slug):
        """Makes a stream with a key and a share link; returns (stream, publish URL, watch URL, HLS URL)."""
        stream = self.api("/streams", "POST", {"slug": slug, "title": slug})
        key = self.api(f"/streams/{stream['id']}/keys", "POST", {"name": slug})
        share = self.api(f"/streams/{stream['id']}/shares", "POST", {})
        token = self.api(f"/streams/{stream['id']}/media-token", "POST", {"ttl": 3600})
        base = self.access["rtmp_url"]
        watch = f"{self.site}/watch/{slug}#s={share['secret']}"
        hls = urllib.parse.urljoin(self.site, token["hlsUrl"])
        self.made.append((slug, hls))
        return stream, f"{base}/{key['streamKey']}", watch, hls

    def port(self, name):
        """The port of a service that has no address of its own for people."""
        return int(self.environment["MARTLET_PORT_BASE"]) + PORTS[name]

    def metric(self, service, name):
        """One number of a service's metrics; `name` with its labels. 0 where there is none."""
        text = self.request(f"http://127.0.0.1:{self.port(service)}/metrics", authorised=False).text
        line = next((one for one in text.splitlines() if one.startswith(f"{service}_{name} ")), None)
        return float(line.rsplit(" ", 1)[1]) if line else 0

    # Processes

    def pid(self, service):
        """The process ID of one service of the stack."""
        return int((self.data / "run" / f"{service}.pid").read_text())

    def is_alive(self, service):
        try:
            os.kill(self.pid(service), 0)
            return True
        except (OSError, ValueError):
            return False

    def kill(self, service, how=signal.SIGKILL):
        """Kills one service and waits until the supervisor has brought another to life."""
        before = self.pid(service)
        os.kill(before, how)
        wait_until(f"{service} restarts", lambda: self.pid(service) != before and self.is_alive(service))
        return before

    def wait_until_ready(self):
        wait_until("the site answers", lambda: self.request("/api/v1/me").status == 200, timeout=30)
