"""Checks of ICE by hand (RFC 8489), as a peer that may lie sends them."""
import hashlib
import hmac
import os
import re
import struct
import zlib

MAGIC = 0x2112A442
REQUEST, SUCCESS, FAILURE = 0x0001, 0x0101, 0x0111
USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE = 0x0006, 0x0008, 0x0024, 0x0025
CONTROLLING, FINGERPRINT = 0x802A, 0x8028
FINGERPRINT_MASK = 0x5354554E


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def credentials(sdp):
    """The user name fragment and the password of a description."""
    return tuple(re.search(rf"a={name}:(\S+)", sdp)[1] for name in ("ice-ufrag", "ice-pwd"))


def request(user_name, password, nominates=True):
    """A check for `user_name` (theirs:ours), made authentic by `password`."""
    body = attribute(USERNAME, user_name.encode()) + attribute(PRIORITY, struct.pack("!I", 0x6E7F00FF))
    body += attribute(CONTROLLING, os.urandom(8)) + (attribute(USE_CANDIDATE, b"") if nominates else b"")
    transaction = os.urandom(12)

    def head(length):
        return struct.pack("!HHI", REQUEST, length, MAGIC) + transaction

    digest = hmac.new(password.encode(), head(len(body) + 24) + body, hashlib.sha1).digest()
    body += attribute(INTEGRITY, digest)
    sum_of = zlib.crc32(head(len(body) + 8) + body) ^ FINGERPRINT_MASK
    return head(len(body) + 8) + body + attribute(FINGERPRINT, struct.pack("!I", sum_of))


def nominates(message):
    """Whether a check chooses its way; the attribute has no value."""
    return attribute(USE_CANDIDATE, b"") in message


def kind(message):
    """The kind of a message, such as `SUCCESS`; None for what is none."""
    if len(message) < 20 or struct.unpack_from("!I", message, 4)[0] != MAGIC:
        return None
    return struct.unpack_from("!H", message)[0]
