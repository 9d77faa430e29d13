"""What pages are told of a feed's rows: events, as the bytes of a stream."""

from __future__ import annotations

import itertools
import json
import logging
import random
from collections.abc import Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from ..delivery.source import RETRY
from ..realtime.envelope import events, kept, value
from ..realtime.sse import Event, json_event
from ..realtime.streams.subscription import State, difference
from .feed import Feed

logger = logging.getLogger("toasts")

CHANGED = "changed"
"""The id of an event that is not the last of a change: no state has this name."""


def delta(feed: Feed, told: State, state: State, mark: str) -> bytes:
    """What is told to those who know what was there before.

    Args:
        told: what was there; it differs from `state`.
        mark: the name of `state`.
    """
    gone, new = difference(told, state)
    displaced = _displaced(feed, told, state)
    deleted = gone[len(displaced) :]
    said = [_removed(feed, "LIMIT", displaced)] if displaced else []
    if deleted:
        # Those who hear it were told these very rows before, or wrote them.
        said.append(_removed(feed, "DELETE", deleted, [told[key] for key in deleted]))
    said += [_changed(feed, "UPDATE" if key in told else "INSERT", key, row) for key, row in new]
    *rest, last = said
    parts = [b"%bid: %b\n\n" % (part, CHANGED.encode()) for part in rest]
    return b"".join([*parts, b"%bid: %b\n\n" % (last, mark.encode())])


def snapshot(feed: Feed, state: State, mark: str, known: str | None) -> bytes:
    """All that is there, then the list of it; only the list for who knows this very state."""
    rows = () if known == mark else state.items()
    parts = [b"%bid: %b\n\n" % (_changed(feed, "SELECT", *row), CHANGED.encode()) for row in rows]
    retry = random.randint(*RETRY)
    return b"".join([*parts, json_event("sync", {"keys": list(state)}, id=mark, retry=retry)])


def _displaced(feed: Feed, told: State, state: State) -> list[Any]:
    """The keys that are gone because newer rows took their places; they come first in `told`.

    As far as one can tell without asking the database: the topic is full, and they were older than
    whatever stayed. To call them deleted would be wrong with each new row of a full board.
    """
    if not feed.limit or len(state) < feed.limit:
        return []
    return list(itertools.takewhile(lambda key: key not in state, told))


def _table(feed: Feed) -> str:
    return f'"table":{json.dumps(feed.table)},' if feed.table else ""


def _changed(feed: Feed, action: str, key: Any, row: str) -> bytes:
    """The ``change`` event up to its id."""
    text = f'{{{_table(feed)}"action":"{action}","key":{json.dumps(key)},"row":{row}}}'
    return b"event: change\ndata: %b\n" % text.encode()


def _removed(feed: Feed, action: str, keys: Sequence[Any], rows: Sequence[str] = ()) -> bytes:
    """The ``remove`` event up to its id."""
    listed = json.dumps(keys, separators=(",", ":"))
    last = f',"rows":[{",".join(rows)}]' if rows else ""
    text = f'{{{_table(feed)}"action":"{action}","keys":{listed}{last}}}'
    return b"event: remove\ndata: %b\n" % text.encode()


def encode(row: Any) -> str:
    """One line of ASCII JSON.

    Raises:
        TypeError, ValueError: there is something in it that JSON has no word for.
    """
    return json.dumps(row, cls=DjangoJSONEncoder, allow_nan=False, separators=(",", ":"))


# The forms in which a page may have asked for them.


@kept
def html_of(feed: Feed, data: bytes) -> bytes:
    """The same events with their rows as the feed renders them."""
    return b"".join(_rendered(feed, event) for event in events(data))


def _rendered(feed: Feed, event: Event) -> bytes:
    said = value(event)
    try:
        if event.type == "change":
            text = feed.render(said["key"], said["row"])
        elif event.type == "remove":
            text = "".join(feed.render(key, None) for key in said["keys"])
        else:
            text = event.data
    except Exception:
        logger.exception("feed %r can't render %s", feed.name, event.data[:200])
        text = ""
    return Event(event.type, text, event.id, event.retry).encode()


def html_without_echo(feed: Feed, origin: str, data: bytes) -> bytes:
    return html_of(feed, without_echo(origin, data))


def without_echo(origin: str, data: bytes) -> bytes:
    """The same events, but of rows that were written in this page only the keys.

    Args:
        origin: the page's name. Its rows are found by it in the bytes that all listeners share:
            where it is in none, as mostly, that look is all that a page of its own costs.
    """
    mark = f'"origin":{json.dumps(origin)}'.encode()
    if mark not in data:
        return data
    return b"\n\n".join(_own(origin, mark, block) for block in data.split(b"\n\n"))


def _own(origin: str, mark: bytes, block: bytes) -> bytes:
    if mark not in block or not block.startswith(b"event: change\n"):
        return block
    [event] = events(block)
    said = value(event)
    # A snapshot has every row: a page that comes back shows what is there.
    if said["action"] == "SELECT" or not _is_from(origin, said["row"]):
        return block
    return json_event("own", {"key": said["key"]}, id=event.id)[:-2]


def _is_from(origin: str, row: Any) -> bool:
    return isinstance(row, dict) and row.get("origin") == origin
