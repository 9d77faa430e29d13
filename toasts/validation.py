"""What a toast may hold: the rule of each field. Needs no database.

A rule raises ``ValueError``. Its text begins with the field's name and says what to change.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, get_args
from urllib.parse import urlsplit

from django.utils.functional import Promise

from .types import LevelName

LEVELS: tuple[LevelName, ...] = get_args(LevelName)
MESSAGE_MAX = 2000
TITLE_MAX = 200
KEY_MAX = 200
URL_MAX = 2000
LABEL_MAX = 80
NAME_MAX = 40
ACTIONS_MAX = 5
DATA_DEPTH_MAX = 50
"""How deeply lists and objects may be nested. JSON parsers and SQLite's JSON check allow more."""
WIRE_MAX = 8192
"""How many bytes one toast may take as UTF-8 JSON. The stream also escapes what is not ASCII."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SCHEMES = ("http", "https", "mailto")
_PORT = re.compile(r"\d+(?=[/?#]|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.\-]{{0,{NAME_MAX - 1}}}")


def clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a toast, checked and in the form in which they are stored.

    Raises:
        ValueError: a field is unknown or breaks its rule.
    """
    for name in fields:
        if name not in CLEANERS:
            raise ValueError(f"{name}: is not a field of a toast; known: {', '.join(CLEANERS)}.")
    return {name: CLEANERS[name](value) for name, value in fields.items()}


def clean_message(value: Any) -> str:
    text = _text("message", value, MESSAGE_MAX)
    if not text.strip():
        raise ValueError("message: is empty; give it a text.")
    return text


def clean_title(value: Any) -> str:
    return _text("title", value, TITLE_MAX, '; use "" for no title')


def clean_key(value: Any) -> str:
    return _text("key", value, KEY_MAX, '; use "" for no key')


def _text(field: str, value: Any, limit: int, instead_of_none: str = "") -> str:
    if value is None:
        raise ValueError(f"{field}: must be text, not None{instead_of_none}.")
    # A lazy translation is not a str. It is rendered here, in the caller's language.
    if not isinstance(value, str | Promise):
        raise ValueError(f"{field}: must be text, not {type(value).__name__}.")
    text = str(value)
    if len(text) > limit:
        raise ValueError(f"{field}: has {len(text)} characters; at most {limit} are allowed.")
    _check_storable(field, text)
    return text


def _check_storable(field: str, text: str) -> None:
    if "\x00" in text:
        raise ValueError(
            f"{field}: contains a NUL character, which PostgreSQL can't store; remove it."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{field}: contains half of a surrogate pair, which is not valid Unicode; remove it."
        ) from None


def clean_level(value: Any) -> str:
    if value not in LEVELS:
        raise ValueError(f"level: {value!r} is not one of {', '.join(LEVELS)}.")
    return str(value)


def clean_url(value: Any, field: str = "url") -> str:
    """Return a link that is safe to follow: http, https, mailto or relative.

    Browsers remove tabs and newlines inside a URL and spaces around it (WHATWG URL, section 4.4),
    so ``java\\nscript:`` would run. Such characters are refused, not removed.

    Raises:
        ValueError: the link has another scheme, control characters, outer spaces or no host.
    """
    text = _text(field, value, URL_MAX, '; use "" for no link')
    if _CONTROL.search(text) or text != text.strip():
        raise ValueError(
            f"{field}: contains control characters, or spaces at the start or end; remove them."
        )
    _check_scheme(field, text)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{field}: is not a URL ({error}).") from error
    if parts.scheme in ("http", "https") and not parts.netloc:
        raise ValueError(f"{field}: has no host after {parts.scheme}:; add it.")
    return text


def _check_scheme(field: str, text: str) -> None:
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[0][:-1].lower() in _SCHEMES:
        return
    is_host = _PORT.match(text, scheme.end())
    advice = f" For a host, write http://{text}." if is_host else ""
    raise ValueError(
        f"{field}: must be http, https, mailto or relative, not {scheme[0]!r}.{advice}"
    )


def clean_actions(value: Any) -> list[dict[str, str]]:
    if value is None:
        return []
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError('actions: must be a list of {"name", "label", "url"} objects.')
    given = list(islice(value, ACTIONS_MAX + 1))  # a generator may be endless
    if len(given) > ACTIONS_MAX:
        raise ValueError(
            f"actions: has more than {ACTIONS_MAX} items; at most {ACTIONS_MAX} are allowed."
        )
    actions = [_clean_action(f"actions[{number}]", action) for number, action in enumerate(given)]
    if len({action["name"] for action in actions}) < len(actions):
        raise ValueError("actions: two have the same name; give each its own.")
    return actions


def _clean_action(field: str, action: Any) -> dict[str, str]:
    if not isinstance(action, Mapping):
        raise ValueError(f'{field}: must be an object with "name", "label" and "url".')
    unknown = set(action) - {"name", "label", "url"}
    if unknown:
        keys = ", ".join(sorted(map(str, unknown)))
        raise ValueError(f'{field}: has unknown keys ({keys}); only "name", "label", "url".')
    name = _action_name(field, action)
    label = _text(f"{field}.label", action.get("label", ""), LABEL_MAX)
    if not label.strip():
        raise ValueError(f"{field}.label: is empty; the button needs a text.")
    return {"name": name, "label": label, "url": clean_url(action.get("url", ""), f"{field}.url")}


def _action_name(field: str, action: Mapping[str, Any]) -> str:
    if "name" not in action:
        raise ValueError(f"{field}: has no name; add one.")
    name = _text(f"{field}.name", action["name"], NAME_MAX)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{field}.name: must be 1 to {NAME_MAX} letters, digits, dots, dashes or underscores,"
            " and must begin with a letter or digit."
        )
    return name


def clean_progress(value: Any) -> int | None:
    """Return a whole percentage, 0 to 100. Fractions are rounded down, so that 100 means done."""
    if value is None:
        return None
    number = _number("progress", value)
    if not 0 <= number <= 100:
        raise ValueError(f"progress: must be from 0 to 100, not {value!r}.")
    return int(number)


def clean_duration(value: Any) -> float | None:
    """Return seconds. None: they follow from the length of the text. 0: the toast stays."""
    if value is None:
        return None
    number = _number("duration", value)
    if number < 0:
        raise ValueError("duration: must be 0 (stays) or more seconds.")
    return number


def _number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{field}: must be a number, not {value!r}.")
    try:
        number = float(value)
    except (OverflowError, ValueError):  # 10**400, Decimal("sNaN")
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{field}: must be a finite number that a float can hold.")
    return number


def clean_visible_from(value: Any) -> datetime | None:
    return _datetime("visible_from", value)


def clean_expires_at(value: Any) -> datetime | None:
    return _datetime("expires_at", value)


def _datetime(field: str, value: Any) -> datetime | None:
    if value is not None and not isinstance(value, datetime):
        raise ValueError(f"{field}: must be a datetime or None, not {value!r}.")
    return value


def clean_data(value: Any) -> Any:
    """Return any JSON value for the page's own code. None is stored as ``{}``."""
    if value is None:
        return {}
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"data: cannot be stored as JSON ({error}). Convert it first, for example with str()."
        ) from error
    _check_data(plain)
    return plain


def _check_data(value: Any, depth: int = 0) -> None:
    if isinstance(value, str):
        return _check_storable("data", value)
    if not isinstance(value, dict | list):
        return
    if depth == DATA_DEPTH_MAX:
        raise ValueError(f"data: is nested more than {DATA_DEPTH_MAX} deep; flatten it.")
    items = [*value, *value.values()] if isinstance(value, dict) else value
    for item in items:
        _check_data(item, depth + 1)


CLEANERS: dict[str, Callable[[Any], Any]] = {
    "message": clean_message,
    "title": clean_title,
    "level": clean_level,
    "url": clean_url,
    "actions": clean_actions,
    "key": clean_key,
    "progress": clean_progress,
    "duration": clean_duration,
    "data": clean_data,
    "visible_from": clean_visible_from,
    "expires_at": clean_expires_at,
}
"""The rule of each field. It returns the value that is stored, or raises ``ValueError``."""
