#!/usr/bin/python3
"""The one-shot steps of the container stack.

Usage: container.py secrets | database | bootstrap | show
"""

import os
import pathlib
import secrets
import subprocess
import sys

from bootstrap import Bootstrap, show
from certificates import ensure_certificates

SECRETS = pathlib.Path("/secrets")
ACCESS = pathlib.Path("/access/access.json")
SERVICES_USER = 10001
POSTGRES_USER = 999  # of the postgres image
PORTS = ("site", "site_tls", "rtmp", "rtmps")
ROLES = ("auth", "catalog", "ingest", "origin")


def give(file, user, mode=0o400):
    os.chown(file, user, user)
    file.chmod(mode)


def ensure_secret(name, user, make):
    file = SECRETS / name
    if not file.exists():
        file.write_text(make())
        give(file, user)
    return file.read_text()


def make_secrets():
    """Random secrets, each made once, readable by its user alone; and the certificate."""
    ensure_secret("postgres-password", POSTGRES_USER, lambda: secrets.token_hex(24))
    ensure_secret("admin-password", SERVICES_USER, lambda: secrets.token_urlsafe(15))
    ensure_secret("master-key", SERVICES_USER, lambda: secrets.token_hex(32))
    for role in ROLES:
        password = ensure_secret(f"{role}-database-password", SERVICES_USER, lambda: secrets.token_hex(24))
        ensure_secret(f"{role}-database-url", SERVICES_USER,
                      lambda: f"postgresql://martlet_{role}:{password}@postgres:5432/martlet")
    tls = SECRETS / "tls"
    tls.mkdir(exist_ok=True)
    ensure_certificates(tls, os.environ["MARTLET_HOST"])
    give(tls / "server.crt", SERVICES_USER, 0o444)
    give(tls / "server.key", SERVICES_USER)
    SECRETS.chmod(0o755)


def make_database():
    variables = [f"-v{role}_password={(SECRETS / f'{role}-database-password').read_text()}" for role in ROLES]
    environment = os.environ | {"PGPASSWORD": (SECRETS / "postgres-password").read_text()}
    command = ["psql", "-X", "-q", "-vON_ERROR_STOP=1", *variables, "-h", "postgres", "-U", "postgres", "-d", "martlet",
               "-f", "/usr/local/lib/martlet/bootstrap.sql"]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def bootstrap():
    # Of a range, which replicas share, the first.
    ports = {name: int(os.environ[f"PORT_{name.upper()}"].split("-")[0]) for name in PORTS}
    host = os.environ["MARTLET_HOST"]
    site = os.environ.get("MARTLET_SITE_URL") or f"http://{host}:{ports['site']}"
    access = Bootstrap(ACCESS, site, host, ports, SECRETS, api="http://gateway:8080").run()
    show(access, "docker compose logs", "docker compose run --rm setup show")


if __name__ == "__main__":
    {"secrets": make_secrets, "database": make_database, "bootstrap": bootstrap,
     "show": lambda: print(ACCESS.read_text(), end="")}[sys.argv[1]]()
