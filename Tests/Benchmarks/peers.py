"""The peer that Debian has, nginx with its RTMP module, run beside Martlet on ports of its own."""
import pathlib
import shutil
import subprocess
import tempfile

CONFIGURATION = """
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
rtmp {{ server {{
  listen 127.0.0.1:{rtmp};
  application receive {{ live on; }}
  application record {{ live on; hls on; hls_path {folder}/hls; hls_fragment 2s; record all; record_path {folder}/rec; }}
}} }}
http {{
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; access_log off;
  server {{ listen 127.0.0.1:{http}; location / {{ root {folder}/hls; }} }}
}}
"""


class NginxRTMP:
    """One nginx with one worker; `receive` only takes streams, `record` writes HLS and FLV too."""

    name = "nginx-rtmp"

    def __init__(self, rtmp, http):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nginx-rtmp-"))
        for name in ("hls", "rec"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o777)
        self.folder.chmod(0o755)
        self.rtmp, self.http = rtmp, http
        file = self.folder / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=self.folder, rtmp=rtmp, http=http))
        self.process = subprocess.Popen(["nginx", "-c", str(file), "-e", str(self.folder / "error.log")])

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
