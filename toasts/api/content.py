"""The content of a toast, as callers give it and as it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from .. import validation
from ..conf import conf
from ..models.toast import Toast, wire

LARGEST_ID = 2**53
"""The largest id that JavaScript can hold exactly."""
LONGEST_ESCAPE = len(r"\u0000")
"""How many bytes of JSON one character may become."""
REST_OF_TOAST = 500
"""How many bytes of JSON a toast takes at most besides its texts, its actions and its data."""


def clean_content(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a new toast, ready to be stored.

    Raises:
        ValueError: a field is unknown or breaks its rule, or the whole is too large.
    """
    values = clean_fields(fields)
    if "visible_from" in values and values["visible_from"] is None:
        del values["visible_from"]  # the database sets it, by its own clock
    check_size(values)
    return values


def clean_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return some fields of a toast, each checked by its rule and against USE_TZ.

    Raises:
        ValueError: a field is unknown or breaks its rule.
    """
    values = validation.clean(fields)
    for name in ("visible_from", "expires_at"):
        value = values.get(name)
        if value is not None and timezone.is_naive(value) == conf.use_tz:
            kind, call = ("an aware", "timezone.now()") if conf.use_tz else ("a naive", "datetime")
            raise ValueError(f"{name}: must be {kind} datetime (USE_TZ), such as from {call}.")
    return values


def check_size(values: Mapping[str, Any]) -> None:
    """Check that a toast with these fields is at most `validation.WIRE_MAX` bytes of JSON.

    Args:
        values: cleaned fields; other names are ignored.

    Raises:
        ValueError: it is larger. The text names the largest field.
    """
    if _is_surely_small(values):
        return
    fields = {name: values[name] for name in validation.CLEANERS if name in values}
    sent = wire(Toast(**fields, created_at=timezone.now(), id=LARGEST_ID).row())
    size = _json_size(sent)
    if size > validation.WIRE_MAX:
        largest = max(sent, key=lambda name: _json_size(sent[name]))
        raise ValueError(
            f"{largest}: makes the toast {size} bytes of JSON; at most {validation.WIRE_MAX} are"
            " allowed. Send less, or a link to the rest."
        )


def _is_surely_small(values: Mapping[str, Any]) -> bool:
    """Return whether the toast must fit. It saves most toasts from being encoded twice."""
    if values.get("data") or values.get("actions"):
        return False
    characters = sum(len(values.get(name, "")) for name in ("message", "title", "url", "key"))
    return LONGEST_ESCAPE * characters + REST_OF_TOAST < validation.WIRE_MAX


def _json_size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
