"""What is active for whom: the one read behind every stream, snapshot and poll.

A broadcast puts the same content into ten thousand states. It is read, parsed and encoded once: on
PostgreSQL the rows come as digests, and only what no state here holds yet is fetched in full.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from django.db import DataError, OperationalError, connections, router

from .conf import conf
from .models import Row, Toast, wire

logger = logging.getLogger("toasts")

STATE_BYTES = 512 * 1024
"""What the toasts of one user may take on the wire at once; the newest that fit are sent."""
_CHUNK = 500
"""SQLite's oldest builds allow 999 parameters."""


class Content:
    """All of a toast but its id and user, as the wire has it.

    Equal contents are one object, as long as any state holds it: to compare them costs nothing.
    """

    __slots__ = ("__weakref__", "key", "tail")

    def __init__(self, key: Hashable, tail: bytes) -> None:
        self.key = key
        self.tail = tail
        """The JSON object's bytes behind the id; empty: it can't be sent."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def wire(self, toast_id: Any) -> dict[str, Any]:
        sent: dict[str, Any] = json.loads(b'{"id":%d,%b' % (toast_id, self.tail))
        return sent

    def event(self, toast_id: Any) -> bytes:
        """The ``toast`` event of the toast with this content and id."""
        if not self.tail:
            _leave_out(toast_id)
            return b""
        return b'event: toast\ndata: {"id":%d,%b\n\n' % (toast_id, self.tail)

    def digest(self) -> bytes:
        """The same in every process."""
        if isinstance(self.key, bytes):
            return self.key
        return hashlib.blake2b(repr(self.key).encode("utf-8", "backslashreplace")).digest()


def _tail(fields: Sequence[Any]) -> bytes:
    # Plain SQL may have written what no rule of ours has seen: one bad row must not end the stream
    # of its user, let alone keep the others' toasts from being read.
    try:
        sent = wire(Row(None, 0, *fields))
        del sent["id"]
        text = json.dumps(sent, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except Exception:
        logger.debug("a toast's content can't be sent", exc_info=True)
        return b""
    return text[1:].encode()


State = Mapping[Any, Content]
"""A user's active toasts: content by id, oldest first."""

_contents: WeakValueDictionary[Hashable, Content] = WeakValueDictionary()


def database() -> str:
    """The alias that toasts are written to. They are read there too: a replica may lag behind."""
    return router.db_for_write(Toast)


def read(user_ids: Sequence[Any]) -> dict[Any, State]:
    """The active toasts of each of these users who has any. Blocks."""
    states: dict[Any, dict[Any, Content]] = {}
    for user_id, toast_id, content in _read(user_ids):
        states.setdefault(user_id, {})[toast_id] = content
    return {user_id: _bounded(state) for user_id, state in states.items()}


def cursor(state: State) -> str:
    """A name for exactly this state, the same in every process."""
    digest = hashlib.blake2b(digest_size=12)
    for toast_id, content in state.items():
        digest.update(b"%d " % toast_id + content.digest())
    return digest.hexdigest()


def as_json(state: State) -> list[dict[str, Any]]:
    """The toasts of a state as the poll view answers them, oldest first."""
    return [content.wire(toast_id) for toast_id, content in state.items() if content.tail]


def _bounded(state: dict[Any, Content]) -> dict[Any, Content]:
    if len(state) * 8192 <= STATE_BYTES:  # the greatest that our own rules allow
        return state
    size, kept = 0, 0
    for content in reversed(state.values()):
        size += len(content.tail)
        if size > STATE_BYTES:
            break
        kept += 1
    return dict(list(state.items())[-kept:] if kept else [])


Found = Iterable[tuple[Any, Any, Content]]
"""User, toast, content; oldest first."""


def _read(user_ids: Sequence[Any]) -> Found:
    if connections[database()].vendor == "postgresql":
        return _by_digest(user_ids)
    return [
        (row.user_id, row.id, _content(fields, fields))
        for start in range(0, len(user_ids), _CHUNK)
        for row in _rows(user_ids[start : start + _CHUNK])
        if (fields := row[2:])
    ]


def _content(key: Hashable, fields: Sequence[Any]) -> Content:
    found = _contents.get(key)
    if found is None:
        found = _contents[key] = Content(key, _tail(fields))
    return found


def _by_digest(user_ids: Sequence[Any]) -> Found:
    held: dict[bytes, Content] = {}
    rows = Toast.objects.using(database()).newest_contents(user_ids, conf.max_active)
    for digest, _, _, body in rows:
        if body is not None:
            held[digest] = _contents.get(digest) or _content(digest, _fields(body))
    return [(user_id, toast_id, held[digest]) for digest, user_id, toast_id, _ in rows]


def _fields(body: str) -> list[Any]:
    """A row's fields from PostgreSQL's JSON; what is no date stays text, and is then left out."""
    *fields, created_at, expires_at = json.loads(body)
    return [*fields, *map(_date, (created_at, expires_at))]


def _date(text: str | None) -> Any:
    try:
        return text and datetime.fromisoformat(text)
    except ValueError:  # PostgreSQL's infinity
        return text


@functools.lru_cache(maxsize=1000)  # once for each: the reconciler meets it again and again
def _leave_out(toast_id: Any) -> None:
    logger.error("toast %s can't be read or sent; it is left out", toast_id)


def _rows(user_ids: Sequence[Any]) -> list[Row]:
    """The active toasts of these users; in halves, down to the rows that can't be read."""
    toasts = Toast.objects.using(database())
    try:
        return list(toasts.newest_active(user_ids, conf.max_active))
    except Exception as error:
        if not _is_about_a_value(error):
            raise
    if len(user_ids) > 1:
        half = len(user_ids) // 2
        return _rows(user_ids[:half]) + _rows(user_ids[half:])
    newest = toasts.active().filter(user_id__in=user_ids).order_by("-id")
    keys = newest.values_list("pk", flat=True)[: conf.max_active]
    return [row for key in reversed(keys) if (row := _row(key)) is not None]


def _row(toast_id: Any) -> Row | None:
    rows = Toast.objects.using(database()).defer("visible_from", "updated_at")
    try:
        toast = rows.filter(pk=toast_id).first()
        return toast.row() if toast is not None else None
    except Exception as error:
        if not _is_about_a_value(error):
            raise
        _leave_out(toast_id)
        return None


def _is_about_a_value(error: Exception) -> bool:
    # SQLite keeps any text, of any encoding, as a date.
    if isinstance(error, OperationalError):
        return "decode" in str(error)
    return isinstance(error, DataError | ValueError | TypeError)
