"""The event stream format (WHATWG HTML, 9.2 Server-sent events): values, no I/O.

For speed, `toasts/delivery/state.py` and `toasts/feeds/events.py` prebuild events in this format.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

CONTENT_TYPE = "text/event-stream"
UNCACHED = {
    "Cache-Control": "no-store, no-transform, private",
    # Without it GZipMiddleware would compress streams: 100 KB of state each, and BREACH.
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
    "Vary": "Cookie",
}
HEADERS = {"Content-Type": CONTENT_TYPE, **UNCACHED}
RETRY_MIN = 1000
RETRY_MAX = 60_000

_NAME = re.compile(r"[A-Za-z0-9._\-]{1,64}")
# The parser knows three newlines and no other: str.splitlines() would split at more.
_NEWLINES = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream.

    Args:
        type: the name of the event: 1 to 64 ASCII letters, digits, dots, dashes and underscores.
        data: any text. Each of its lines becomes a ``data`` line.
        id: what the browser sends back as Last-Event-ID, of the same characters; None: no id.
        retry: milliseconds before the browser reconnects, 1,000 to 60,000; None: unchanged.

    Raises:
        ValueError: a value is outside its bounds. A newline in the type or the id would let a
            message forge events (CWE-93).
    """

    type: str
    data: str
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.type):
            raise ValueError(f"type: {self.type!r} must be 1 to 64 of A-Z a-z 0-9 . _ -")
        if self.id is not None and not _NAME.fullmatch(self.id):
            raise ValueError(f"id: {self.id!r} must be 1 to 64 of A-Z a-z 0-9 . _ -")
        if self.retry is not None and not _is_retry(self.retry):
            raise ValueError(f"retry: must be {RETRY_MIN} to {RETRY_MAX} ms, not {self.retry!r}")

    def encode(self) -> bytes:
        """Return the event's bytes with the closing blank line. They are always valid UTF-8."""
        lines = [f"event: {self.type}"]
        lines += [f"data: {line}" for line in _NEWLINES.split(self.data)]
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def _is_retry(value: object) -> bool:
    # Browsers accept only digits: they ignore "1500.0".
    return isinstance(value, int) and RETRY_MIN <= value <= RETRY_MAX


def json_event(type: str, value: Any, id: str | None = None, retry: int | None = None) -> bytes:
    """Return the bytes of an event whose data is one line of ASCII JSON.

    In ASCII, JSON escapes every newline and each half of a surrogate pair. So no text that a user
    can store breaks the stream.

    Args:
        type: the name of the event, as `Event` takes it.
        value: what its data is to hold.
        id: as `Event` takes it.
        retry: milliseconds, as `Event` takes it.

    Raises:
        ValueError: an argument is outside its bounds, or a number is infinite or NaN, which JSON
            can't express (RFC 8259, section 6).
    """
    data = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Event(type, data, id, retry).encode()


def is_event_id(text: str) -> bool:
    """Return whether a text from a client could be an event id of ours."""
    return _NAME.fullmatch(text) is not None
