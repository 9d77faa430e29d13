"""The event stream format (WHATWG HTML, 9.2 Server-sent events): values, no I/O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

CONTENT_TYPE = "text/event-stream"
UNCACHED = {
    "Cache-Control": "no-store, no-transform, private",
    # Without it GZipMiddleware would take the stream: 100 KB of state each, and BREACH.
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
        type: the name that listeners are added under; 1 to 64 letters, digits, dots, dashes, _.
        data: any text; each of its lines becomes a ``data`` line.
        id: what the browser sends back as Last-Event-ID; same alphabet; None: no id line.
        retry: milliseconds that the browser is to wait before it reconnects, 1,000 to 60,000.

    Raises:
        ValueError: a name or number is outside its bounds. An event whose type or id could hold a
            newline would let a message forge events (CWE-93).
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
        """The event's bytes, closed by the blank line; valid UTF-8 whatever the data holds."""
        lines = [f"event: {self.type}"]
        lines += [f"data: {line}" for line in _NEWLINES.split(self.data)]
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def _is_retry(value: object) -> bool:
    # Digits alone: a browser ignores "1500.0".
    return isinstance(value, int) and RETRY_MIN <= value <= RETRY_MAX


def json_event(type: str, value: Any, id: str | None = None, retry: int | None = None) -> bytes:
    """An event whose data is one line of ASCII JSON.

    ASCII, because JSON then escapes every newline and each half of a surrogate pair: no text that
    a user can store may break the stream.

    Raises:
        ValueError: a number is infinite or none at all, for which JSON has no word (RFC 8259, 6).
    """
    data = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Event(type, data, id, retry).encode()


def is_event_id(text: str) -> bool:
    """Whether a Last-Event-ID could be one of ours; the client sent it; it is never echoed."""
    return _NAME.fullmatch(text) is not None
