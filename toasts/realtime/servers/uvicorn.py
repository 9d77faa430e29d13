"""uvicorn: what is known of its inside.

Its ``send`` is a method of the request's cycle, or of the WebSocket's protocol, which has asyncio's
transport in an attribute. It waits where the client does not read.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from ..types import Send
from .base import ServerAdapter, is_instance_from, lower_limit

KEPT_MAX = 4096
"""Bytes of a request that may stay in memory with its stream."""
PART_MAX = 1024
"""Bytes of the path, of the query and of all headers that stay if the request is longer."""
_VALUE = itemgetter(1)


class UvicornAdapter(ServerAdapter):
    """uvicorn, and gunicorn with uvicorn's workers."""

    def recognises(self, send: Send) -> bool:
        return callable(_abort_of(send))

    def sends_without_task(self, send: Send) -> bool:
        return is_instance_from("uvicorn", getattr(send, "__self__", None))

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        wrapper.__self__ = getattr(send, "__self__", None)

    def forget_request(self, send: Send) -> None:
        cycle: Any = getattr(send, "__self__", None)
        scope = getattr(cycle, "scope", None)
        if type(scope) is dict and _size_of(scope) > KEPT_MAX:
            _forget_long_parts(scope)
            protocol: Any = getattr(getattr(cycle, "on_response", None), "__self__", None)
            if getattr(protocol, "url", None):
                protocol.url = b""

    def abort(self, send: Send) -> None:
        abort = _abort_of(send)
        if callable(abort):
            abort()

    def limit_messages(self, send: Send, size: int) -> None:
        protocol = getattr(send, "__self__", None)
        # Those of wsproto, of websockets, and of websockets' older interface.
        lower_limit(getattr(protocol, "buffer", None), "max_length", size)
        lower_limit(getattr(protocol, "conn", None), "max_message_size", size)
        lower_limit(protocol, "max_size", size)


def _size_of(scope: dict[str, Any]) -> int:
    """Return about how many bytes of its request a scope holds. It runs for each new stream."""
    headers = scope.get("headers") or ()
    # The path is a part of the raw path.
    address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    return address + sum(map(len, map(_VALUE, headers)))


def _forget_long_parts(scope: dict[str, Any]) -> None:
    for name in ("path", "raw_path", "query_string"):
        if len(scope.get(name) or b"") > PART_MAX:
            scope[name] = scope[name][:0]
    headers = scope.get("headers")
    if isinstance(headers, list) and sum(map(len, map(_VALUE, headers))) > PART_MAX:
        headers.clear()  # the list is the protocol's, too


def _abort_of(send: Send) -> Any:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return getattr(transport, "abort", None)
