#!/usr/bin/python3
"""Prepares, starts, stops and shows one stack in its data folder. Runs as the services' user, never as root.

Usage: stack.py up | down | status
The environment comes from settings.sh.
"""

import hashlib
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.parse

from bootstrap import Bootstrap, show
from certificates import ensure_certificates
from supervisor import answers, start_ticks

DATA = pathlib.Path(os.environ["MARTLET_DATA"])
HOST = os.environ["MARTLET_HOST"]
PORTS = {name[5:].lower(): int(value) for name, value in os.environ.items() if name.startswith("PORT_")}
BIN, RUN, LOG, SECRETS, TLS = (DATA / name for name in ("bin", "run", "log", "secrets", "tls"))
POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
SOCKET_PATH_LIMIT = 107  # sun_path of a unix socket
START_SECONDS = 90
STOP_SECONDS = 60
SERVICES = {"auth": "AUTH", "catalog": "CATALOG", "origin": "ORIGIN", "ingest": "INGEST", "sfu": "SFU", "transcoder": "TRANSCODER"}
BINARIES = {"sfu": "SFU"}  # where a program's name is not its service's in capitals
REPLICA_PLACES = {"ingest": 10, "sfu": 20, "transcoder": 30}  # of the HTTP ports of all replicas but the first
SHARED_SETTINGS = ("LOG_LEVEL", "DRAIN_SECONDS", "GRANT_GRACE_SECONDS")


def fail(text):
    print(f"martlet: {text}", file=sys.stderr)
    sys.exit(1)


def socket_folder():
    """Where the unix sockets lie: in the data folder, unless its path is too long for one."""
    if len(str(RUN / "sockets/redis-control.sock")) <= SOCKET_PATH_LIMIT:
        return RUN / "sockets"
    return pathlib.Path("/tmp") / f"martlet-{hashlib.sha256(str(DATA).encode()).hexdigest()[:12]}"


SOCKETS = socket_folder()


def site_url():
    return os.environ.get("MARTLET_SITE_URL") or f"http://{HOST}:{PORTS['site']}"


def replicas(service):
    """The programs of a service with the port of each, as `replica_port` in settings.sh says."""
    count = int(os.environ.get(f"MARTLET_{service.upper()}_REPLICAS") or 1) if service in REPLICA_PLACES else 1
    further = {f"{service}-{number}": PORTS["replicas"] + REPLICA_PLACES[service] + number for number in range(2, count + 1)}
    return {service: PORTS[service]} | further


def addresses(service):
    return " ".join(f"127.0.0.1:{port}" for port in replicas(service).values())


# What lies on disk before anything starts


def write_if_changed(file, text, mode=0o640):
    if file.exists() and file.read_text() == text:
        return
    fresh = file.with_name(file.name + ".new")
    fresh.touch(mode=mode)
    fresh.write_text(text)
    fresh.rename(file)


def ensure_secret(name, make):
    file = SECRETS / name
    if not file.exists():
        write_if_changed(file, make(), 0o600)
    return file


def prepare():
    SOCKETS.mkdir(mode=0o700, exist_ok=True)
    if SOCKETS.stat().st_uid != os.getuid():
        fail(f"{SOCKETS} belongs to another user; remove it.")
    ensure_secret("admin-password", lambda: secrets.token_urlsafe(15))
    ensure_secret("master-key", lambda: secrets.token_hex(32))
    ensure_certificates(TLS, HOST)
    prepare_postgres()
    prepare_redis()
    render_gateway()


def prepare_postgres():
    cluster = DATA / "postgres"
    if not (cluster / "PG_VERSION").exists():
        print("        making the database", flush=True)
        run([POSTGRES_BIN / "initdb", "-D", cluster, "-U", "postgres", "--auth=peer", "--locale=C.UTF-8",
             "--encoding=UTF8", "--data-checksums"])
    user = os.environ["MARTLET_USER"]
    roles = ["postgres", "martlet_auth", "martlet_catalog", "martlet_ingest", "martlet_origin"]
    write_if_changed(cluster / "pg_ident.conf", "".join(f"martlet {user} {role}\n" for role in roles), 0o600)
    write_if_changed(cluster / "pg_hba.conf", "local all all peer map=martlet\n", 0o600)
    write_if_changed(cluster / "postgresql.auto.conf", f"""\
# Written by 'make up'.
listen_addresses = ''
unix_socket_directories = '{SOCKETS}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 64MB
log_destination = stderr
logging_collector = off
log_line_prefix = '%m [%p] '
""", 0o600)


def prepare_redis():
    for name, lines in {
        "redis-control": ["appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"],
        "redis-bus": ["appendonly no", f"maxmemory {os.environ.get('REDIS_BUS_MAXMEMORY') or '2gb'}",
                      "maxmemory-policy noeviction", "client-output-buffer-limit normal 0 0 0"],
    }.items():
        folder = DATA / name
        folder.mkdir(mode=0o700, exist_ok=True)
        common = ["port 0", f"unixsocket {SOCKETS / name}.sock", "unixsocketperm 700", f"dir {folder}",
                  "daemonize no", 'save ""', "stream-node-max-bytes 4096", "timeout 0", "tcp-keepalive 60"]
        write_if_changed(RUN / f"{name}.conf", "\n".join(common + lines) + "\n")


def render_gateway():
    names = {
        "RUN": RUN / "gateway", "WEB": DATA / "gateway/web", "ACCESS_LOG": LOG / "gateway-access.log",
        "ERROR_LOG": LOG / "gateway.log", "SITE_PORT": PORTS["site"], "SITE_TLS_PORT": PORTS["site_tls"],
        "TLS_CERTIFICATE_FILE": TLS / "server.crt", "TLS_KEY_FILE": TLS / "server.key",
        "AUTH_ADDRESS": f"127.0.0.1:{PORTS['auth']}", "CATALOG_ADDRESS": f"127.0.0.1:{PORTS['catalog']}",
        "ORIGIN_ADDRESS": f"127.0.0.1:{PORTS['origin']}", "SFU_ADDRESS": addresses("sfu"),
        "INGEST_ADDRESS": addresses("ingest"),
        "RTMP_PORT": PORTS["rtmp"], "RTMPS_PORT": PORTS["rtmps"],
    }
    environment = {name: str(value) for name, value in names.items()}
    settings = {name[8:]: os.environ[name] for name in ("GATEWAY_CACHE_SIZE", "GATEWAY_LOGIN_RATE") if name in os.environ}
    run([BIN / "render", DATA / "gateway", RUN / "gateway/conf"], env=os.environ | environment | settings)


def run(command, **options):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        fail(f"{pathlib.Path(command[0]).name} failed:\n{done.stdout[-2000:]}")
    return done.stdout


# The plan that the supervisor follows


def database_url(role):
    return f"postgresql://{role}@/martlet?host={urllib.parse.quote(str(SOCKETS), safe='')}"


def service_settings(name, port):
    """The settings of one process of a service: ours, then what the caller's environment says."""
    prefix = SERVICES[name] + "_"
    settings = {
        prefix + "HTTP_ADDRESS": "127.0.0.1", prefix + "HTTP_PORT": str(port),
        "REDIS_CONTROL_URL": f"unix://{SOCKETS}/redis-control.sock", "REDIS_BUS_URL": f"unix://{SOCKETS}/redis-bus.sock",
        "DATABASE_URL": database_url("martlet_" + name), "MARTLET_SITE_URL": site_url(), "DRAIN_SECONDS": "5",
    } | {
        "auth": {"AUTH_ADMIN_USER": os.environ.get("AUTH_ADMIN_USER") or "admin", "AUTH_ADMIN_PASSWORD_FILE": str(SECRETS / "admin-password"),
                 "AUTH_MASTER_KEY_FILE": str(SECRETS / "master-key")},
        "catalog": {},
        "ingest": {"INGEST_RTMP_ADDRESS": "::" if os.path.exists("/proc/net/if_inet6") else "0.0.0.0",
                   "INGEST_RTMP_PORT": str(PORTS["rtmp"]), "INGEST_RTMPS_PORT": str(PORTS["rtmps"]),
                   "INGEST_RTMP_SHARED": "yes" if len(replicas("ingest")) > 1 else "no",
                   "INGEST_TLS_CERTIFICATE_FILE": str(TLS / "server.crt"),
                   "INGEST_TLS_KEY_FILE": str(TLS / "server.key"),
                   "INGEST_WEBRTC_ADDRESS": "::" if os.path.exists("/proc/net/if_inet6") else "0.0.0.0",
                   "INGEST_WEBRTC_PORT": str(PORTS["ingest_webrtc"])},
        "origin": {"ORIGIN_MEDIA_PATH": str(DATA / "media")},
        "sfu": {"SFU_WEBRTC_PORT": str(PORTS["sfu_webrtc"])},
        "transcoder": {},
    }[name]
    given = {key: value for key, value in os.environ.items() if key.startswith(prefix) or key in SHARED_SETTINGS}
    return settings | given


def digest(*parts):
    total = hashlib.sha256()
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, pathlib.Path) else json.dumps(part).encode())
    return total.hexdigest()[:32]


def plan():
    psql = ["/usr/bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(SOCKETS), "-U", "postgres"]
    make_database = (
        f"{' '.join(psql)} -d postgres -tc \"select 1 from pg_database where datname = 'martlet'\" | grep -q 1"
        f" || {' '.join(psql)} -d postgres -c 'create database martlet'"
        f" && exec {' '.join(psql)} -d martlet -f '{DATA}/gateway/bootstrap.sql'")
    programs = [
        {"name": "postgres", "command": [str(POSTGRES_BIN / "postgres"), "-D", str(DATA / "postgres")], "stop": "INT",
         "ready": {"command": [str(POSTGRES_BIN / "pg_isready"), "-q", "-h", str(SOCKETS), "-d", "postgres"]},
         "fingerprint": digest((DATA / "postgres/postgresql.auto.conf"), (DATA / "postgres/pg_hba.conf"))},
        *({"name": name, "command": ["/usr/bin/redis-server", str(RUN / f"{name}.conf")],
           "ready": {"redis": str(SOCKETS / f"{name}.sock")}, "fingerprint": digest(RUN / f"{name}.conf")}
          for name in ("redis-control", "redis-bus")),
        {"name": "database", "command": ["/bin/sh", "-c", make_database], "once": True, "after": ["postgres"],
         "fingerprint": digest(make_database)},
        *service_programs(),
        {"name": "gateway", "command": ["/usr/sbin/nginx", "-c", str(RUN / "gateway/conf/nginx.conf"),
                                        "-e", str(LOG / "gateway.log")],
         "after": [name for service in SERVICES for name in replicas(service)], "ready": {"http": f"127.0.0.1:{PORTS['site']}/healthz"}, "stop": "TERM",
         "fingerprint": digest(PORTS),
         "reloadFingerprint": digest(*sorted((RUN / "gateway/conf").glob("*.conf")), TLS / "server.crt")},
    ]
    return programs


def service_programs():
    base = ["database", "redis-control", "redis-bus"]
    after = {"auth": base, "catalog": base, "origin": [*base, "auth", "catalog"], "ingest": [*base, "auth", "catalog", "origin"],
             "sfu": [*base, "auth", "catalog"], "transcoder": ["redis-bus"]}
    for service in SERVICES:
        binary = BIN / BINARIES.get(service, service.capitalize())
        for name, port in replicas(service).items():
            settings = service_settings(service, port)
            yield {"name": name, "command": [str(binary)], "environment": settings, "after": after[service], "stopSeconds": 15,
                   "ready": {"http": f"127.0.0.1:{port}/readyz"},
                   "fingerprint": digest(settings, binary, *([TLS / "server.crt"] if service == "ingest" else []))}


# Start, stop, look


def supervisor_pid():
    try:
        pid = int((RUN / "supervisor.pid").read_text())
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        return pid if b"supervisor.py" in command else None
    except (OSError, ValueError):
        return None


def state():
    try:
        return json.loads((RUN / "state.json").read_text())
    except (OSError, ValueError):
        return {"programs": []}


def start_supervisor():
    # A shell stands guard: a supervisor that was killed comes back and adopts what still runs.
    guard = 'while :; do "$@"; code=$?; [ $code -eq 0 ] && exit; sleep 1; done'
    with open(LOG / "supervisor.log", "ab") as log:
        subprocess.Popen(["/bin/sh", "-c", guard, "martlet", "/usr/bin/python3", str(BIN / "supervisor.py"), str(DATA)],
                         cwd=RUN, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def up():
    prepare()
    programs = plan()
    write_if_changed(RUN / "plan.json", json.dumps(programs, indent=1), 0o600)
    started = time.time()
    if pid := supervisor_pid():
        os.kill(pid, signal.SIGHUP)
    else:
        start_supervisor()
    await_readiness(programs, started)
    access = Bootstrap(DATA / "access.json", site_url(), HOST, PORTS, SECRETS).run()
    show(access, LOG, DATA / "access.json")


def await_readiness(programs, started):
    wanted = {program["name"]: program["fingerprint"] for program in programs}
    announced = set()
    while True:
        rows = {row["name"]: row for row in state()["programs"]}
        ready = {name for name, print_ in wanted.items()
                 if (row := rows.get(name)) and row["fingerprint"] == print_ and row["state"] in ("running", "done")}
        for name in wanted:
            if name in ready - announced:
                print(f"        {name} is ready", flush=True)
        announced |= ready
        if len(ready) == len(wanted) and supervisor_pid():
            return
        if time.time() - started > START_SECONDS:
            explain(set(wanted) - ready, rows)
        time.sleep(0.1)


def explain(names, rows):
    for name in sorted(names):
        row = rows.get(name, {"state": "not started", "lastExit": ""})
        print(f"martlet: {name} is not ready: {row['state']} {row['lastExit']}", file=sys.stderr)
        log = LOG / f"{name}.log"
        if row["state"] != "waiting" and log.exists():
            print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-8:]), file=sys.stderr)
    fail(f"not everything came up within {START_SECONDS} s; the logs are in {LOG}.")


def down():
    pid = supervisor_pid()
    if not pid:
        print("Nothing runs here.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.time() + STOP_SECONDS
    while supervisor_pid() == pid and time.time() < deadline:
        time.sleep(0.1)
    if supervisor_pid() == pid:
        fail(f"the supervisor, process {pid}, does not stop.")
    print("Stopped. The data stays in", DATA)


def status():
    running = supervisor_pid()
    print(f"{'PROGRAM':<15}{'STATE':<10}{'PID':>8}  {'UPTIME':<10}{'RESTARTS':>8}  {'HEALTH':<8}PORTS")
    ports = {name: str(port) for service in SERVICES for name, port in replicas(service).items()}
    ports |= {"gateway": f"{PORTS['site']}, {PORTS['site_tls']} (TLS)",
              "ingest": f"{PORTS['ingest']}, {PORTS['rtmp']} (RTMP), {PORTS['rtmps']} (RTMPS), {PORTS['ingest_webrtc']} (WebRTC)",
              "sfu": f"{PORTS['sfu']}, {PORTS['sfu_webrtc']} (WebRTC)"}
    specs = {program["name"]: program for program in json.loads((RUN / "plan.json").read_text())} if running else {}
    healthy = bool(running)
    for row in state()["programs"]:
        alive = running and row["pid"] and start_ticks(row["pid"]) == row["ticks"]
        if row["state"] == "done":
            health, word = "-", "done" if running else "stopped"
        else:
            word = row["state"] if alive or running else "stopped"
            health = "ok" if alive and answers(specs[row["name"]]["ready"]) else "no"
            healthy = healthy and health == "ok"
        print(f"{row['name']:<15}{word:<10}{row['pid'] if alive else '-':>8}  "
              f"{duration(time.time() - row['started']) if alive else '-':<10}{row['restarts']:>8}  {health:<8}"
              f"{ports.get(row['name'], 'socket' if row['state'] != 'done' else '')}")
    print(f"\nsupervisor {'runs, process ' + str(running) if running else 'does not run'}; data in {DATA}")
    sys.exit(0 if healthy else 1)


def duration(seconds):
    seconds = int(seconds)
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


if __name__ == "__main__":
    os.umask(0o027)
    {"up": up, "down": down, "status": status}[sys.argv[1]]()
