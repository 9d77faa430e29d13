"""The rules for the values of settings, which ``manage.py check`` applies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

CHANNEL_MAX = 63
"""The most bytes of a PostgreSQL identifier (NAMEDATALEN without the final NUL)."""
HEARTBEAT_MAX = 55
"""In seconds. Proxies such as nginx close streams that are silent for 60 seconds."""


class Rule(NamedTuple):
    """A rule for one setting."""

    wanted: str
    """The end of the sentence "it must be ..."."""
    holds: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_channel(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and 0 < len(value.encode()) <= CHANNEL_MAX


def _is_number(value: Any) -> bool:
    # A bool is an int to Python, but not meant as a number of seconds.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_period(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_heartbeat(value: Any) -> bool:
    return _is_period(value) and value <= HEARTBEAT_MAX


def _is_wait(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(map(_is_period, value))
        and value[0] <= value[1]
    )


def _is_paths(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_inject(value: Any) -> bool:
    return isinstance(value, bool) or value in ("always", "session", "never")


def count(of: str) -> Rule:
    """Return the rule for a whole number of toasts, streams, requests or seconds."""
    return Rule(f"a whole number of {of}, 1 or more", _is_count)


BROKER = Rule("a string: auto, local, sqlite, postgres, redis or a dotted path", _is_text)
DSN = Rule("a string: a PostgreSQL connection string, or empty", _is_text)
REDIS_URL = Rule("a string: the URL of a Redis, or empty", _is_text)
CHANNEL = Rule(f"a string of 1 to {CHANNEL_MAX} bytes", _is_channel)
TENANT = Rule("a string: auto, a dotted path, or empty", _is_text)
INJECT = Rule('"always", "session" or "never"', _is_inject)
HEARTBEAT = Rule(
    f"a number of seconds above 0 and at most {HEARTBEAT_MAX}: proxies end streams that are silent"
    " for 60",
    _is_heartbeat,
)
PERIOD = Rule("a number of seconds above 0", _is_period)
RANGE = Rule("two numbers of seconds above 0, the smaller one first", _is_range)
WAIT = Rule("a number of seconds, 0 or more", _is_wait)
FLAG = Rule("True or False", _is_flag)
PATHS = Rule("a list or tuple of dotted paths", _is_paths)
