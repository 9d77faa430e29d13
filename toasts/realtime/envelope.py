"""One envelope on all transports: what is an event on a stream is a JSON object elsewhere.

Every event is encoded once, as it goes on a stream. Other transports get it from those bytes, which
are the same for all listeners of a topic: so that is done once for all of them, too.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .servers.base import consumer
from .sse import Event

_KEPT = 64
"""Translations that are kept: what is said to one listener of a topic is said to the next."""
_KEPT_MAX = 32 * 1024
"""Bytes of the longest that is kept: a whole state is said to one listener alone."""
T = TypeVar("T")


def kept(translate: Callable[..., T]) -> Callable[..., T]:
    """Have a translation, of its last argument, made once for all listeners of a topic."""
    cached = functools.lru_cache(maxsize=_KEPT)(translate)

    @functools.wraps(translate)
    def translated(*args: Any) -> T:
        return cached(*args) if len(args[-1]) <= _KEPT_MAX else translate(*args)

    return translated


@kept
def envelopes(data: bytes) -> tuple[str, ...]:
    """The events of a stream's bytes as JSON texts: ``{"event": ..., "data": ..., "id": ...}``.

    Args:
        data: whole events of our own encoding, each with JSON for its data.
    """
    return tuple(
        f'{{"event":"{event.type}","data":{event.data}'
        + (f',"id":"{event.id}"}}' if event.id is not None else "}")
        for event in events(data)
    )


def events(data: bytes) -> Iterator[Event]:
    """The events of whole bytes of our own encoding."""
    for block in data.decode().split("\n\n"):
        pairs = [line.partition(": ") for line in block.split("\n")]
        fields = {name: value for name, _, value in pairs}
        if fields.get("event"):
            lines = [value for name, _, value in pairs if name == "data"]
            retry = fields.get("retry")
            yield Event(
                fields["event"], "\n".join(lines), fields.get("id"), int(retry) if retry else None
            )


def value(event: Event) -> Any:
    """What an event's data says."""
    return json.loads(event.data)


class Translated:
    """A server's ``send`` for streams whose bytes go out in another form.

    What can be known of the server (`servers`) is found on it as on the one that it wraps.
    """

    def __init__(self, send: Any) -> None:
        self.inner = send
        request = consumer(send)
        self.args = () if request is None else (request,)
        self.__self__ = getattr(send, "__self__", None)


class Rendered(Translated):
    """Sends an event stream whose events somebody else writes anew.

    Args:
        send: the server's.
        translate: from the bytes of whole events to those that are sent.
    """

    def __init__(self, send: Any, translate: Any) -> None:
        super().__init__(send)
        self._translate = translate

    async def __call__(self, message: Any) -> None:
        body = message.get("body")
        await self.inner({**message, "body": self._translate(body)} if body else message)
