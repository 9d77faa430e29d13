"""What is active for whom: the one read behind every stream, snapshot and poll.

A broadcast puts the same content into ten thousand states. On PostgreSQL a content comes once, with
all who have it; it is parsed and encoded once, when it is sent.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import DataError, OperationalError, connections

from ..conf import conf
from ..db import PARAMETERS_MAX, chunked, database
from ..models.toast import Row, Toast, wire

logger = logging.getLogger("toasts")
T = TypeVar("T")

STATE_BYTES = 512 * 1024
"""What the toasts of one user may take on the wire at once; the newest that fit are sent."""
TAIL_MAX = 64 * 1024
"""What plain SQL may write and still be sent; our own rules allow an eighth, before escapes."""
CHANGED = b"changed"
"""The id of an event after which the client's state has a name no more: it is nobody's cursor."""
_CONTENT_MAX = 8192
"""What our own rules allow one toast, roughly: fewer toasts than fit at that size need no count."""
_KEPT = 64
"""Contents that are kept encoded: what is broadcast is sent ten thousand times in a row."""
_DURATION = Row._fields.index("duration") - 2

Content = str | tuple[Any, ...]
"""All of a toast but its id and user, as the database gave it: PostgreSQL's JSON array, elsewhere
the row's fields. It is compared with each look, but parsed and encoded only when it is sent.

No object of our own around it: a state is then a dictionary that the garbage collector need not
look into, and there are as many as open pages.
"""

State = Mapping[Any, Content]
"""A user's active toasts: content by id, oldest first."""


def wire_of(toast_id: Any, content: Content) -> dict[str, Any]:
    """The toast as the poll view answers it."""
    sent: dict[str, Any] = json.loads(b'{"id":%d,%b' % (toast_id, _tail(content)))
    return sent


def event(toast_id: Any, content: Content) -> bytes:
    """The ``toast`` event of the toast with this id and content; none of one that can't be sent."""
    tail = _event_tail(content)
    if not tail:
        _leave_out(toast_id)
        return b""
    return b'event: toast\ndata: {"id":%d,%b' % (toast_id, tail)


@functools.lru_cache(maxsize=_KEPT)
def _event_tail(content: Content) -> bytes:
    """All of the event behind the toast's id."""
    tail = _tail(content)
    return b"%b\nid: %b\n\n" % (tail, CHANGED) if tail else b""


@functools.lru_cache(maxsize=_KEPT)
def _tail(content: Content) -> bytes:
    """The JSON object's bytes behind the id; empty: it can't be sent."""
    # Plain SQL may have written what no rule of ours has seen: one bad row must not end the stream
    # of its user, let alone keep the others' toasts from being read.
    try:
        fields = _fields(content) if isinstance(content, str) else content
        sent = wire(Row(None, 0, *fields))
        del sent["id"]
        text = json.dumps(sent, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        if len(text) > TAIL_MAX:
            raise ValueError(f"{len(text)} bytes are too many")
    except Exception:
        logger.debug("a toast's content can't be sent", exc_info=True)
        return b""
    return text[1:].encode()


def read(names: Mapping[Any, T]) -> Mapping[T, State]:
    """The active toasts of each of these users who has any. Blocks.

    Args:
        names: by user's primary key, what the state is asked for under.
    """
    states: dict[T, dict[Any, Content]] = {}
    several = set()
    for content, owners, toast_ids in _read(list(names)):
        for user_id, toast_id in zip(owners, toast_ids, strict=True):
            name = names[user_id]
            if name in states:
                states[name][toast_id] = content
                several.add(name)
            else:
                states[name] = {toast_id: content}
    for name in several:
        states[name] = _bounded(dict(sorted(states[name].items())))
    return states


def cursor(state: State) -> str:
    """A name for exactly this state, the same in every process."""
    digest = hashlib.blake2b(digest_size=12)
    for toast_id, content in state.items():
        text = content if isinstance(content, str) else repr(content)
        digest.update(f"{toast_id} {len(text)} {text}".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def as_json(state: State) -> list[dict[str, Any]]:
    """The toasts of a state as the poll view answers them, oldest first."""
    return [wire_of(toast_id, content) for toast_id, content in state.items() if _tail(content)]


def _bounded(state: dict[Any, Content]) -> dict[Any, Content]:
    if len(state) * _CONTENT_MAX <= STATE_BYTES:
        return state
    size, kept = 0, []
    for toast_id, content in reversed(state.items()):
        size += len(_tail(content))
        if size > STATE_BYTES:
            break
        kept.append((toast_id, content))
    return dict(reversed(kept))


def _read(user_ids: Sequence[Any]) -> Iterator[tuple[Content, Sequence[Any], Sequence[Any]]]:
    """Contents, each with its users and, in the same order, its toasts."""
    if connections[database()].vendor == "postgresql":
        yield from Toast.objects.using(database()).newest_contents(user_ids, conf.max_active)
        return
    for chunk in chunked(user_ids, PARAMETERS_MAX):
        for row in _rows(chunk):
            yield tuple(row[2:]), (row.user_id,), (row.id,)


def _fields(body: str) -> list[Any]:
    """A row's fields from PostgreSQL's JSON; what is no date stays text, and is then left out."""
    *fields, created_at, expires_at = json.loads(body)
    if isinstance(fields[_DURATION], str):  # PostgreSQL's NaN, for which JSON has no word
        raise ValueError("duration is not a number")
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
