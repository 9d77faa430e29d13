"""Checks of the TOASTS_* settings by themselves: E011, W012."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

PREFIX = "TOASTS_"


class Rule(NamedTuple):
    wanted: str
    """The end of the sentence "it must be ..."."""
    holds: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_channel(value: Any) -> bool:
    # PostgreSQL's NAMEDATALEN less the closing NUL.
    return isinstance(value, str) and "\0" not in value and 0 < len(value.encode()) < 64


def _is_number(value: Any) -> bool:
    # A bool is an int to Python, and never meant as seconds.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_period(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_heartbeat(value: Any) -> bool:
    return _is_period(value) and value <= 55


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


RULES = {
    "BROKER": Rule("a string: auto, local, sqlite, postgres, redis or a dotted path", _is_text),
    "LISTEN_DSN": Rule("a string: a PostgreSQL connection string, or empty", _is_text),
    "REDIS_URL": Rule("a string: the URL of a Redis, or empty", _is_text),
    "CHANNEL": Rule("a string of 1 to 63 bytes", _is_channel),
    "MAX_ACTIVE": Rule("a whole number of toasts, 1 or more", _is_count),
    "HEARTBEAT": Rule(
        "a number of seconds above 0 and at most 55: proxies end streams that are silent for 60",
        _is_heartbeat,
    ),
    "RECONCILE": Rule("a number of seconds above 0", _is_period),
    "SWEEP": Rule("a number of seconds above 0", _is_period),
    "ROTATE": Rule("two numbers of seconds above 0, the least first", _is_range),
    "MAX_STREAMS_PER_USER": Rule("a whole number of streams, 1 or more", _is_count),
    "PATIENCE": Rule("a number of seconds above 0", _is_period),
    "MAX_ADMISSIONS": Rule("a whole number of requests, 1 or more", _is_count),
    "HARMLESS_MIDDLEWARE": Rule("a list or tuple of dotted paths", _is_paths),
    "TOKEN_AGE": Rule("a number of seconds above 0", _is_period),
    "MAX_WAIT": Rule("a number of seconds, 0 or more", _is_wait),
    "ALLOW_SAME_SITE": Rule("True or False", _is_flag),
    "INJECT": Rule('"always", "session" or "never"', _is_inject),
}
"""Every setting in toasts/conf.py."""


@register("toasts")
def check_values(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E011: a setting of a type or value that toasts cannot use."""
    return [
        Error(
            f"{PREFIX}{name} must be {rule.wanted}; it is {_shown(name)}.",
            hint=f"Correct it, or remove {PREFIX}{name}: then its default applies.",
            id="toasts.E011",
        )
        for name, rule in RULES.items()
        if hasattr(settings, PREFIX + name) and not rule.holds(getattr(settings, PREFIX + name))
    ]


def _shown(name: str) -> str:
    value = getattr(settings, PREFIX + name)
    # A connection string holds a password, and checks are printed into logs.
    secret = name in ("LISTEN_DSN", "REDIS_URL")
    return f"of type {type(value).__name__}" if secret else repr(value)


@register("toasts")
def check_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W012: a setting that nothing reads, most often a slip of the pen."""
    given = (name for name in dir(settings) if name.startswith(PREFIX))
    return [
        Warning(
            f"{name} is not a setting of toasts, so it does nothing.",
            hint=_meant(name),
            id="toasts.W012",
        )
        for name in sorted(given)
        if name.removeprefix(PREFIX) not in RULES
    ]


def _meant(name: str) -> str:
    close = get_close_matches(name.removeprefix(PREFIX), RULES, n=1)
    return f"Did you mean {PREFIX}{close[0]}?" if close else "Remove it."
