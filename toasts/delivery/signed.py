"""Hints that are signed with SECRET_KEY, because a forged one would do harm.

Anybody who may connect to the database can send hints. Most of them only cause a read.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from django.core import signing

from ..auth.session_keys import decrypt_key, encrypt_key, remember_successor

SALT = "toasts.hints"
MAX_AGE = 60
"""Seconds for which a hint is valid. The clocks of two machines may differ that much."""
END, ROTATION = "end", "rotation"
NONCE = "#"
"""The prefix of what makes each hint another one. No topic begins so."""
TOPICS_BYTES = 3000
"""Bytes of topics in one hint. Signed, it has a third more, and must fit into a message."""


def end_hints(topics: Iterable[str]) -> list[str]:
    """Return signed texts that end the streams of users, who may connect again.

    A signature takes longer than all else that is done for a user who has no stream, and every
    process checks it on its event loop. So one is for hundreds of users.
    """
    chunks: list[list[str]] = []
    size = TOPICS_BYTES
    for topic in topics:
        length = len(json.dumps(topic)) + 1
        if size + length > TOPICS_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(topic)
        size += length
    # Each hint counts once, and a second one in the same second must not look like its repetition.
    # An older process takes the nonce for the name of a topic that nobody has.
    return [
        signing.dumps([END, *chunk, NONCE + secrets.token_hex(8)], salt=SALT) for chunk in chunks
    ]


def rotation_hint(old_key: str, new_key: str) -> str:
    """Return the signed text that says that a session has a new key."""
    keys = [encrypt_key(key, SALT) for key in (old_key, new_key)]
    return signing.dumps([ROTATION, *keys], salt=SALT)


def take_hint(text: str) -> Sequence[str]:
    """Take a signed hint. It does nothing if it is forged or old.

    Returns:
        The topics whose streams it ends.
    """
    try:
        kind, *arguments = signing.loads(text, salt=SALT, max_age=MAX_AGE)
        return _take(kind, arguments)
    except (signing.BadSignature, LookupError, TypeError, ValueError):
        return ()


def _take(kind: Any, arguments: list[Any]) -> Sequence[str]:
    if kind == END:
        return tuple(name for name in map(str, arguments) if not name.startswith(NONCE))
    if kind == ROTATION:
        old, new = (decrypt_key(text, SALT) for text in arguments)
        remember_successor(old, new)
    return ()
