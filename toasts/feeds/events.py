"""The events by which pages get a feed's rows, as the bytes of an event stream."""

from __future__ import annotations

import itertools
import json
import logging
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder

from ..delivery.source import RETRY
from ..delivery.state import NO_STATE_ID
from ..realtime.envelope import cached_translation, data_of, parse_events
from ..realtime.sse import Event, json_event
from ..realtime.streams.subscription import State, difference

if TYPE_CHECKING:
    from .feed import Feed

logger = logging.getLogger("toasts")

_EVENT_END = f"id: {NO_STATE_ID}\n\n".encode()
"""The end of all events of a change but the last, which has the id of the new state."""


def delta(feed: Feed, last_sent: State, state: State, state_id: str) -> bytes:
    """Encode the changes between two states of a topic.

    Args:
        feed: the feed.
        last_sent: the state that the pages have. It differs from `state`.
        state: the state now.
        state_id: the id of `state`.
    """
    removed, changed = difference(last_sent, state)
    displaced = _displaced(feed, last_sent, state)
    deleted = removed[len(displaced) :]
    parts = [_remove_event(feed, "LIMIT", displaced)] if displaced else []
    if deleted:
        # The subscribers have received these very rows before, or have written them.
        rows = [last_sent[key] for key in deleted]
        parts.append(_remove_event(feed, "DELETE", deleted, rows))
    for key, row in changed:
        action = "UPDATE" if key in last_sent else "INSERT"
        parts.append(_change_event(feed, action, key, row))
    return _EVENT_END.join(parts) + b"id: %b\n\n" % state_id.encode()


def snapshot(feed: Feed, state: State, state_id: str, last_event_id: str | None) -> bytes:
    """Encode all rows of a state, then the list of their keys.

    A client whose `last_event_id` is the id of this very state gets the list alone.
    """
    rows = () if last_event_id == state_id else state.items()
    parts = [_change_event(feed, "SELECT", *row) + _EVENT_END for row in rows]
    retry = random.randint(*RETRY)
    return b"".join([*parts, json_event("sync", {"keys": list(state)}, id=state_id, retry=retry)])


def _displaced(feed: Feed, last_sent: State, state: State) -> list[Any]:
    """Return the removed keys whose places newer rows took. They come first in `last_sent`.

    This is decided without the database: the topic is full, and these rows were older than all
    that stayed. If they were called deleted, every new row of a full topic would delete one.
    """
    if not feed.limit or len(state) < feed.limit:
        return []
    return list(itertools.takewhile(lambda key: key not in state, last_sent))


def _table_member(feed: Feed) -> str:
    return f'"table":{json.dumps(feed.table)},' if feed.table else ""


def _change_event(feed: Feed, action: str, key: Any, row: str) -> bytes:
    """Encode a ``change`` event up to its id."""
    table = _table_member(feed)
    text = f'{{{table}"action":"{action}","key":{json.dumps(key)},"row":{row}}}'
    return b"event: change\ndata: %b\n" % text.encode()


def _remove_event(feed: Feed, action: str, keys: Sequence[Any], rows: Sequence[str] = ()) -> bytes:
    """Encode a ``remove`` event up to its id."""
    key_list = json.dumps(keys, separators=(",", ":"))
    rows_member = f',"rows":[{",".join(rows)}]' if rows else ""
    text = f'{{{_table_member(feed)}"action":"{action}","keys":{key_list}{rows_member}}}'
    return b"event: remove\ndata: %b\n" % text.encode()


def encode_json(data: Any) -> str:
    """Encode as one line of ASCII JSON.

    Raises:
        TypeError: it holds an object that JSON can't express.
        ValueError: it holds a number that JSON can't express (RFC 8259, section 6), or itself.
    """
    return json.dumps(data, cls=DjangoJSONEncoder, allow_nan=False, separators=(",", ":"))


# The formats that a page may ask for.


@cached_translation
def html_of(feed: Feed, data: bytes) -> bytes:
    """Return the same events with the rows as HTML, as the feed renders them."""
    return b"".join(_rendered(feed, event) for event in parse_events(data))


def _rendered(feed: Feed, event: Event) -> bytes:
    try:
        text = _html(feed, event)
    except Exception:
        logger.exception("feed %r can't render %s", feed.name, event.data[:200])
        text = ""
    return Event(event.type, text, event.id, event.retry).encode()


def _html(feed: Feed, event: Event) -> str:
    if event.type not in ("change", "remove"):
        return event.data
    content = data_of(event)
    if event.type == "change":
        return feed.render(content["key"], content["row"])
    return "".join(feed.render(key, None) for key in content["keys"])


def html_without_echo(feed: Feed, origin: str, data: bytes) -> bytes:
    """Return the events as HTML, without the rows that this page wrote."""
    return html_of(feed, without_echo(origin, data))


def without_echo(origin: str, data: bytes) -> bytes:
    """Return the same events, but only the keys of the rows that this page wrote.

    Most events come from other pages. So the bytes, which all subscribers share, are first
    searched for the page's name, and are parsed only if they hold it.

    Args:
        origin: the page's name.
        data: whole events.
    """
    member = f'"origin":{json.dumps(origin)}'.encode()
    if member not in data:
        return data
    return b"\n\n".join(_without_own_row(origin, member, block) for block in data.split(b"\n\n"))


def _without_own_row(origin: str, member: bytes, block: bytes) -> bytes:
    if member not in block or not block.startswith(b"event: change\n"):
        return block
    [event] = parse_events(block)
    content = data_of(event)
    # A snapshot keeps every row: a page that reconnects shows what is there.
    if content["action"] == "SELECT" or not _is_from(origin, content["row"]):
        return block
    return json_event("own", {"key": content["key"]}, id=event.id)[:-2]


def _is_from(origin: str, row: Any) -> bool:
    return isinstance(row, dict) and row.get("origin") == origin
