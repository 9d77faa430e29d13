"""The active toasts of users: the one read behind every stream, snapshot and poll.

A broadcast puts the same content into ten thousand states. On PostgreSQL a content is read once,
together with all users who have it. It is parsed and encoded once, when it is sent.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import DataError, OperationalError, connections, models
from django.db.models import OuterRef, Subquery

from ..conf import conf
from ..db import PARAMETERS_MAX, chunked, database
from ..models.toast import Row, Toast, wire

logger = logging.getLogger("toasts")
T = TypeVar("T")

STATE_BYTES = 512 * 1024
"""How much the toasts of one user may take on the wire at once. The newest that fit are sent."""
TAIL_MAX = 64 * 1024
"""Bytes that a toast from plain SQL may take and still be sent. Our own rules allow an eighth."""
NO_STATE_ID = "changed"
"""The id of an event after which the client has a state without an id. No state has this id."""
_EVENT_END = f"\nid: {NO_STATE_ID}\n\n".encode()
_TAIL_EXPECTED = 8192
"""Bytes that our own rules allow one toast, roughly. Below that, a state's size is not counted."""
_ENCODED_KEPT = 64
"""How many contents are kept encoded: a broadcast is sent ten thousand times in a row."""
_content_of = itemgetter(slice(Row._fields.index("message"), None))
"""Returns the content of a row: all of it but the user and the id, which come first."""


Content = str | tuple[Any, ...]
"""All of a toast but its id and user, as the database gave it.

On PostgreSQL this is a JSON array, elsewhere a tuple of the row's fields. Contents are compared at
each read, but parsed and encoded only when they are sent. There is no object of our own around
them, so the garbage collector need not look into a state; there is one for each open page.
"""

ToastState = Mapping[Any, Content]
"""A user's active toasts: contents by id, the oldest first."""


def read(names: Mapping[Any, T]) -> Mapping[T, ToastState]:
    """Return the active toasts of each of these users who has any. Blocks.

    Args:
        names: by the primary key of a user, the key that the user's state is returned under.
    """
    states: dict[T, dict[Any, Content]] = {}
    several = set()
    for content, owners, toast_ids in _read_contents(names):
        for name, toast_id in zip(owners, toast_ids, strict=True):
            if name in states:
                states[name][toast_id] = content
                several.add(name)
            else:
                states[name] = {toast_id: content}
    for name in several:
        states[name] = _bounded(dict(sorted(states[name].items())))
    return states


def toast_event(toast_id: Any, content: Content) -> bytes:
    """Return the ``toast`` event of a toast; empty if the toast can't be sent."""
    tail = _event_tail(content)
    if not tail:
        _log_left_out(toast_id)
        return b""
    return b'event: toast\ndata: {"id":%d,%b' % (toast_id, tail)


def as_json(state: ToastState) -> list[dict[str, Any]]:
    """Return the toasts of a state as the poll view answers them, the oldest first."""
    tails = ((toast_id, _tail(content)) for toast_id, content in state.items())
    return [json.loads(b'{"id":%d,%b' % (toast_id, tail)) for toast_id, tail in tails if tail]


def state_digest(state: ToastState) -> str:
    """Return a name for exactly this state: 24 hexadecimal digits, the same in every process."""
    digest = hashlib.blake2b(digest_size=12)
    for toast_id, content in state.items():
        text = content if isinstance(content, str) else repr(content)
        digest.update(f"{toast_id} {len(text)} {text}".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def _bounded(state: dict[Any, Content]) -> dict[Any, Content]:
    """Return the newest toasts of a state that fit into STATE_BYTES."""
    if len(state) * _TAIL_EXPECTED <= STATE_BYTES:
        return state
    size, kept = 0, []
    for toast_id, content in reversed(state.items()):
        size += len(_tail(content))
        if size > STATE_BYTES:
            break
        kept.append((toast_id, content))
    return dict(reversed(kept))


# Encoding.


@functools.lru_cache(maxsize=_ENCODED_KEPT)
def _event_tail(content: Content) -> bytes:
    """Return all of the event that comes after the toast's id; empty if it can't be sent."""
    tail = _tail(content)
    return tail + _EVENT_END if tail else b""


@functools.lru_cache(maxsize=_ENCODED_KEPT)
def _tail(content: Content) -> bytes:
    """Return the bytes of the JSON object that come after the id; empty if it can't be sent."""
    # Plain SQL may have written what no rule of ours has seen. One bad row must not end its user's
    # stream, let alone keep the toasts of others from being read.
    try:
        row = _parse(content) if isinstance(content, str) else Row(None, 0, *content)
        fields = wire(row)
        del fields["id"]
        text = json.dumps(fields, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        if len(text) > TAIL_MAX:
            raise ValueError(
                f"the toast has {len(text)} bytes as JSON; at most {TAIL_MAX} are sent"
            )
    except Exception:
        logger.debug("a toast's content can't be sent", exc_info=True)
        return b""
    return text[1:].encode()


def _parse(text: str) -> Row:
    """Return PostgreSQL's JSON array as a row without its user and id."""
    *fields, created_at, expires_at = json.loads(text)
    fields += [_parse_date(created_at), _parse_date(expires_at)]
    row = Row(None, 0, *fields)
    if isinstance(row.duration, str):  # PostgreSQL's NaN, which JSON can't express
        raise ValueError("duration: is not a number")
    return row


def _parse_date(text: str | None) -> Any:
    """Return a date; or the text itself, with which `wire` fails, so that the toast is left out."""
    try:
        return text and datetime.fromisoformat(text)
    except ValueError:  # PostgreSQL's infinity
        return text


# Reading.


def _read_contents(
    names: Mapping[Any, T],
) -> Iterator[tuple[Content, Iterable[T], Sequence[Any]]]:
    """Yield contents, each with the names of its users and, in the same order, their toasts."""
    if connections[database()].vendor == "postgresql":
        toasts = Toast.objects.using(database())
        by_position = dict(enumerate(names.values(), 1))
        for content, positions, ids in toasts.newest_contents(list(names), conf.max_active):
            yield content, map(by_position.__getitem__, positions), ids
        return
    by_text = {str(user_id): name for user_id, name in names.items()}
    for chunk in chunked(names, PARAMETERS_MAX):
        rows = _read_rows(chunk)
        unknown = [row.id for row in rows if str(row.user_id) not in by_text]
        owners = _stored_owners(unknown)
        for row in rows:
            text = owners.get(row.id) or str(row.user_id)
            if text in by_text:
                yield _content_of(row), (by_text[text],), (row.id,)


def _stored_owners(toast_ids: Sequence[Any]) -> dict[Any, str]:
    """Return the primary keys, as texts, of the users of these toasts, by toast.

    A column that compares without case finds toasts whose `user_id` is not the user's own key to
    the letter.
    """
    model = get_user_model()
    user: models.QuerySet[Any] = models.QuerySet(model).filter(pk=OuterRef("user_id"))
    owners: dict[Any, str] = {}
    for chunk in chunked(toast_ids, PARAMETERS_MAX):
        toasts = Toast.objects.using(database()).filter(pk__in=chunk).order_by()
        found = toasts.values_list("pk", Subquery(user.values("pk")))
        owners.update((toast_id, str(key)) for toast_id, key in found if key is not None)
    return owners


def _read_rows(user_ids: Sequence[Any]) -> list[Row]:
    """Return the active toasts of these users, without the rows that can't be read.

    If a row can't be read, the users are read in halves, down to that row.
    """
    toasts = Toast.objects.using(database())
    try:
        return list(toasts.newest_active(user_ids, conf.max_active))
    except Exception as error:
        if not _is_about_a_value(error):
            raise
    if len(user_ids) > 1:
        half = len(user_ids) // 2
        return _read_rows(user_ids[:half]) + _read_rows(user_ids[half:])
    newest = toasts.active().filter(user_id__in=user_ids).order_by("-id")
    toast_ids = newest.values_list("pk", flat=True)[: conf.max_active]
    return [row for toast_id in reversed(toast_ids) if (row := _read_row(toast_id)) is not None]


def _read_row(toast_id: Any) -> Row | None:
    """Return one toast, or None if it is gone or can't be read."""
    rows = Toast.objects.using(database()).defer("visible_from", "updated_at")
    try:
        toast = rows.filter(pk=toast_id).first()
        return toast.row() if toast is not None else None
    except Exception as error:
        if not _is_about_a_value(error):
            raise
        _log_left_out(toast_id)
        return None


def _is_about_a_value(error: Exception) -> bool:
    """Return whether a query failed because of what is in a row."""
    # SQLite keeps any text, of any encoding, as a date.
    if isinstance(error, OperationalError):
        return "decode" in str(error)
    return isinstance(error, DataError | ValueError | TypeError)


@functools.lru_cache(maxsize=1000)  # once for each toast: the reconciler reads it again and again
def _log_left_out(toast_id: Any) -> None:
    logger.error("toast %s can't be read or sent, so it is left out", toast_id)
