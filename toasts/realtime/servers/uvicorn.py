"""uvicorn: what is known of its inside.

Its ``send`` is a method of the request's cycle, or of the WebSocket's protocol, which has asyncio's
transport in an attribute. It waits where the client does not read.
"""

from __future__ import annotations

from typing import Any

from ..types import Send
from .base import ServerAdapter, forget_long_parts, is_instance_from, lower_limit


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
        if forget_long_parts(getattr(cycle, "scope", None)):
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


def _abort_of(send: Send) -> Any:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return getattr(transport, "abort", None)
