"""The stack's own certificate authority and the certificate that it signs for 8443 and RTMPS."""

import ipaddress
import pathlib
import secrets
import socket
import subprocess

RENEW_SECONDS = 30 * 86400
LIFETIME_DAYS = 825


def own_names(host):
    """The names and addresses by which this machine may be reached."""
    names = [host, "localhost", socket.gethostname(), "127.0.0.1", "::1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks which address leads outward
            names.append(probe.getsockname()[0])
        except OSError:
            pass
    return list(dict.fromkeys(names))


def alternative_name(name):
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def openssl(*arguments, text=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=text, text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def still_good(folder, names):
    certificate, listed = folder / "server.crt", folder / "names"
    if not certificate.exists() or not listed.exists() or listed.read_text() != names:
        return False
    check = subprocess.run(["openssl", "x509", "-checkend", str(RENEW_SECONDS), "-noout", "-in", str(certificate)],
                           stdout=subprocess.DEVNULL, check=False)
    return check.returncode == 0


def ensure_certificates(folder, host):
    """Makes ca.crt, ca.key, server.crt (with the chain) and server.key, again only where needed."""
    folder = pathlib.Path(folder)
    names = ",".join(map(alternative_name, own_names(host)))
    if still_good(folder, names):
        return
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    if not (folder / "ca.crt").exists():
        openssl("req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-days", 3650,
                "-subj", "/O=Martlet/CN=Martlet local authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    request = openssl("req", *curve, "-keyout", folder / "server.key", "-subj", "/O=Martlet/CN=Martlet")
    extensions = folder / "extensions"
    extensions.write_text(
        f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth\n")
    signed = openssl("x509", "-req", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-days", LIFETIME_DAYS,
                     "-extfile", extensions, "-set_serial", f"0x{secrets.token_hex(16)}", text=request)
    (folder / "server.crt").write_text(signed + (folder / "ca.crt").read_text())
    extensions.unlink()
    (folder / "names").write_text(names)
    for key in ("ca.key", "server.key"):
        (folder / key).chmod(0o600)
