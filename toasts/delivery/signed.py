"""Hints that are signed with SECRET_KEY, because a forged one would do harm.

Anybody who may connect to the database can send hints. Most of them only cause a read.
"""

from __future__ import annotations

from typing import Any

from django.core import signing

from ..auth.session_keys import decrypt_key, encrypt_key, remember_successor

SALT = "toasts.hints"
MAX_AGE = 60
"""Seconds for which a hint is valid. The clocks of two machines may differ that much."""
END, ROTATION = "end", "rotation"


def end_hint(topic: str) -> str:
    """Return the signed text that ends the streams of a user, who may connect again."""
    return signing.dumps([END, topic], salt=SALT)


def rotation_hint(old_key: str, new_key: str) -> str:
    """Return the signed text that says that a session has a new key."""
    keys = [encrypt_key(key, SALT) for key in (old_key, new_key)]
    return signing.dumps([ROTATION, *keys], salt=SALT)


def take_hint(text: str) -> str | None:
    """Take a signed hint. It does nothing if it is forged or old.

    Returns:
        The topic whose streams it ends, if it ends any.
    """
    try:
        kind, *arguments = signing.loads(text, salt=SALT, max_age=MAX_AGE)
        return _take(kind, arguments)
    except (signing.BadSignature, LookupError, TypeError, ValueError):
        return None


def _take(kind: Any, arguments: list[Any]) -> str | None:
    if kind == END:
        return str(arguments[0])
    if kind == ROTATION:
        old, new = (decrypt_key(text, SALT) for text in arguments)
        remember_successor(old, new)
    return None
