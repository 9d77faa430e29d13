"""uvicorn: what is known of its inside.

Its ``send`` is a method of the request's cycle, or of the WebSocket's protocol, which has asyncio's
transport in an attribute. It waits where the client does not read.
"""

from __future__ import annotations

from typing import Any

from ..types import Send
from .base import ServerAdapter, is_instance_from


class UvicornAdapter(ServerAdapter):
    """uvicorn, and gunicorn with uvicorn's workers."""

    def recognises(self, send: Send) -> bool:
        return callable(_abort_of(send))

    def sends_without_task(self, send: Send) -> bool:
        return is_instance_from("uvicorn", getattr(send, "__self__", None))

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        wrapper.__self__ = getattr(send, "__self__", None)

    def abort(self, send: Send) -> None:
        abort = _abort_of(send)
        if callable(abort):
            abort()


def _abort_of(send: Send) -> Any:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return getattr(transport, "abort", None)
