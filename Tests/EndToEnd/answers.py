"""What tests do to our answers before a peer sees them, so that it takes another way."""
import itertools
import re

CANDIDATE = re.compile(r"a=candidate:.*\r\n")


def lead_to(sdp, host, port, transport="udp"):
    """The answer with one candidate instead of ours."""
    kind = " tcptype passive" if transport == "tcp" else ""
    lines = itertools.chain(
        [f"a=candidate:1 1 {transport} 2130706431 {host} {port} typ host{kind}\r\n"], itertools.repeat(""))
    return CANDIDATE.sub(lambda _: next(lines), sdp)


def lead_nowhere(sdp):
    """The answer with ports where nobody listens: a network that lets no media through, by UDP or TCP."""
    return CANDIDATE.sub(lambda found: re.sub(r" \d+ typ ", " 9 typ ", found[0]), sdp)


def keep_only_tcp(sdp):
    """The answer as if UDP were blocked."""
    return CANDIDATE.sub(lambda found: found[0] if " tcp " in found[0].lower() else "", sdp)
