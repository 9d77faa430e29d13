"""The keys of sessions: encrypted for messages and tokens, and which key replaced which one.

Whoever has the key of a session has the user's account for weeks. So what others may read holds it
encrypted, with a one-time pad that is derived from SECRET_KEY and a nonce. The signature of the
message or token keeps it from being changed.
"""

from __future__ import annotations

import base64
import math
import secrets
import time
from collections import OrderedDict

from django.utils.crypto import salted_hmac

from ..conf import conf

SUCCESSORS_KEPT = 10_000
"""How many replaced keys are remembered. Streams follow within a second."""
GRACE = 5.0
"""Seconds in which the request that replaces a session may still write into the new one."""
_successors: OrderedDict[str, str] = OrderedDict()
"""The new key by the old one."""
_replaced_at: dict[str, float] = {}
"""The time of the replacement by the new key."""


def encrypt_key(key: str, salt: str) -> str:
    """Return the key of a session, encrypted as ASCII.

    Args:
        key: at most 64 characters.
        salt: what it is encrypted for.
    """
    nonce = secrets.token_bytes(16)
    return base64.urlsafe_b64encode(nonce + _xor_pad(key.encode(), nonce, salt)).decode()


def decrypt_key(text: str, salt: str) -> str:
    """Return the key that `encrypt_key` encrypted for `salt`.

    Raises:
        ValueError: it is no such text.
    """
    data = base64.urlsafe_b64decode(text)
    return _xor_pad(data[16:], data[:16], salt).decode()


def _xor_pad(data: bytes, nonce: bytes, salt: str) -> bytes:
    secret = conf.oldest_secret_key
    pad = salted_hmac(f"{salt}.session", nonce, secret=secret, algorithm="sha512").digest()
    return bytes(byte ^ pad_byte for byte, pad_byte in zip(data, pad, strict=False))


def remember_successor(old: str, new: str) -> None:
    """Remember that a session has a new key: its user has stayed signed in."""
    _replaced_at[new] = time.monotonic()
    _successors[old] = new
    while len(_successors) > SUCCESSORS_KEPT:
        _replaced_at.pop(_successors.popitem(last=False)[1], None)


def latest_key(key: str) -> str:
    """Return the key that the session has now, as far as this process knows."""
    seen = {key}
    while (newer := _successors.get(key)) is not None and newer not in seen:
        key = newer
        seen.add(key)
    return key


def is_being_replaced(key: str) -> bool:
    """Return whether a session got this key just now, so that its request may not be done yet."""
    return time.monotonic() - _replaced_at.get(key, -math.inf) < GRACE
