"""Converts events to the JSON objects of WebSockets and polls.

Each event is encoded once, for a stream. Other transports translate those bytes. All subscriptions
of a topic get the same bytes, so each translation is made once and cached.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .servers.base import ServerAdapter
from .sse import Event
from .types import Message, Send

CACHE_SIZE = 64
"""Translations in the cache of each function."""
CACHED_MAX = 32 * 1024
"""Bytes of the longest input that is cached: a whole state is sent to one subscription only."""
T = TypeVar("T")


def cached_translation(translate: Callable[..., T]) -> Callable[..., T]:
    """Cache a function whose last argument is bytes, except for long ones."""
    cached = functools.lru_cache(maxsize=CACHE_SIZE)(translate)

    @functools.wraps(translate)
    def translated(*args: Any) -> T:
        return cached(*args) if len(args[-1]) <= CACHED_MAX else translate(*args)

    return translated


@cached_translation
def envelopes(data: bytes) -> tuple[str, ...]:
    """Return the events of a stream as JSON texts: ``{"event": ..., "data": ..., "id": ...}``.

    Args:
        data: whole events of our own encoding, each with JSON for its data.
    """
    return tuple(
        f'{{"event":"{event.type}","data":{event.data}'
        + (f',"id":"{event.id}"}}' if event.id is not None else "}")
        for event in parse_events(data)
    )


def parse_events(data: bytes) -> Iterator[Event]:
    """Yield the events of bytes that `Event.encode` made. They must be whole."""
    for block in data.decode().split("\n\n"):
        pairs = [line.partition(": ") for line in block.split("\n")]
        fields = {name: value for name, _, value in pairs}
        if fields.get("event"):
            lines = [value for name, _, value in pairs if name == "data"]
            retry = fields.get("retry")
            yield Event(
                fields["event"], "\n".join(lines), fields.get("id"), int(retry) if retry else None
            )


def data_of(event: Event) -> Any:
    """Return the data of an event as a Python value."""
    return json.loads(event.data)


class TranslatedSend:
    """A server's ``send`` for a stream whose events go out in another format.

    Args:
        send: the server's.
        server: the adapter for it.
        translate: turns the bytes of whole events into those that are sent.
    """

    def __init__(
        self, send: Send, server: ServerAdapter, translate: Callable[[bytes], bytes]
    ) -> None:
        self._inner = send
        self._translate = translate
        server.expose(self, send)

    async def __call__(self, message: Message) -> None:
        body = message.get("body")
        await self._inner({**message, "body": self._translate(body)} if body else message)
