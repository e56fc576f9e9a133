"""Gives a new stack its first stream, key, link and token through its own REST API, and tells where to go."""

import base64
import json
import os
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request

MEDIA_TOKEN_SECONDS = 24 * 3600
WAIT_SECONDS = 30


class APIError(Exception):
    def __init__(self, method, path, status, text):
        super().__init__(f"{method} {path} answered {status}: {text[:300]}")
        self.status = status


class Bootstrap:
    """Reuses what the last access.json names as long as it is still valid, so that links stay the same."""

    def __init__(self, file, site, host, ports, secrets, api=None):
        self.file, self.site, self.host, self.ports = pathlib.Path(file), site, host, ports
        self.api = api or f"http://127.0.0.1:{ports['site']}"
        self.user = os.environ.get("AUTH_ADMIN_USER") or "admin"
        self.password = (secrets / "admin-password").read_text().strip()
        self.last = self.read_last()

    def read_last(self):
        try:
            return json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}

    def call(self, method, path, body=None, authorization=None):
        request = urllib.request.Request(self.api + "/api/v1" + path, method=method)
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", authorization or "Basic " + pair)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise APIError(method, path, error.code, error.read().decode(errors="replace")) from None

    def await_api(self):
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self.call("GET", "/me")
            except (APIError, OSError) as error:
                if time.monotonic() > deadline or isinstance(error, APIError) and error.status < 500:
                    raise
                time.sleep(0.2)

    def run(self):
        self.await_api()
        stream = self.stream()
        media = self.call("POST", f"/streams/{stream}/media-token", {"ttl": MEDIA_TOKEN_SECONDS})
        absolute = lambda url: urllib.parse.urljoin(self.site + "/", url)  # noqa: E731
        tls = os.environ.get("MARTLET_SITE_TLS_URL") or f"https://{self.host}:{self.ports['site_tls']}"
        access = {
            "site": self.site,
            "site_tls": tls,
            "admin_user": self.user,
            "admin_password": self.password,
            "api_token": self.api_token(),
            "rtmp_url": f"rtmp://{self.host}:{self.ports['rtmp']}/live",
            "stream_key": self.stream_key(stream),
            "watch_url": self.watch_url(stream),
            "hls_url": absolute(media["hlsUrl"]),
            "dash_url": absolute(media["dashUrl"]),
            "whip_url": f"{self.site}/whip/{stream}",
            "whep_url": f"{self.site}/whep/{stream}",
            "recordings_url": f"{self.site}/api/v1/recordings",
        }
        fresh = self.file.with_name("access.json.new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(access, indent=2) + "\n")
        fresh.rename(self.file)
        return access

    def items(self, path):
        answer = self.call("GET", path)
        return answer["items"] if isinstance(answer, dict) else answer

    def stream(self):
        for stream in self.items("/streams?limit=1000"):
            if stream["slug"] == "main":
                return stream["id"]
        return self.call("POST", "/streams", {"slug": "main", "title": "Main"})["id"]

    def stream_key(self, stream):
        known = {key["name"]: key for key in self.items(f"/streams/{stream}/keys") if not key.get("revoked")}
        last = self.last.get("stream_key", "")
        if "main" in known and last.startswith("main?"):
            return last
        if "main" in known:
            return self.call("POST", f"/streams/{stream}/keys/{known['main']['id']}/rotate")["streamKey"]
        return self.call("POST", f"/streams/{stream}/keys", {"name": "main"})["streamKey"]

    def watch_url(self, stream):
        page, _, secret = self.last.get("watch_url", "").partition("#s=")
        if not secret or not self.share_is_valid(secret):
            secret = self.call("POST", f"/streams/{stream}/shares", {"name": "main"})["secret"]
        return f"{self.site}/watch/main#s={secret}"

    def share_is_valid(self, secret):
        try:
            return bool(self.call("POST", "/share/exchange", {"secret": secret}))
        except APIError:
            return False

    def api_token(self):
        token = self.last.get("api_token")
        if token and self.token_is_valid(token):
            return token
        return self.call("POST", "/tokens", {"name": "make up"})["token"]

    def token_is_valid(self, token):
        try:
            return bool(self.call("GET", "/me", authorization="Bearer " + token))
        except APIError:
            return False


def show(access, logs, everything):
    """Prints where to go."""
    print(f"""
  Site         {access['site']}   (TLS: {access['site_tls']})
  Login        {access['admin_user']} / {access['admin_password']}
  Watch link   {access['watch_url']}

  Publish to   {access['rtmp_url']}
  Stream key   {access['stream_key']}

  Everything, also for scripts: {everything}   Logs: {logs}
""", flush=True)

