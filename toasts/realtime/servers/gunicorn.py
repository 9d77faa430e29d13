"""gunicorn: what is known of the inside of its own ASGI worker (``-k asgi``).

Its ``send`` for HTTP is a function inside a method of the connection, and has that in its closure.
Over HTTP/2 other responses share the connection. For WebSockets it is a method of the connection.
"""

from __future__ import annotations

from typing import Any

from ..types import Send
from .base import ServerAdapter, is_instance_from, lower_limit

PACKAGE = "gunicorn"


class GunicornAdapter(ServerAdapter):
    """gunicorn with its own ASGI worker."""

    def recognises(self, send: Send) -> bool:
        return _connection_of(send) is not None

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        wrapper.__self__ = _connection_of(send)

    def abort(self, send: Send) -> None:
        abort = getattr(getattr(_connection_of(send), "transport", None), "abort", None)
        if callable(abort):
            abort()

    def limit_messages(self, send: Send, size: int) -> None:
        lower_limit(_connection_of(send), "max_message_size", size)


def _connection_of(send: Any) -> Any | None:
    """Return the connection of a ``send``; None if it is not gunicorn's, or of HTTP/2."""
    connection = getattr(send, "__self__", None)
    if connection is None and str(getattr(send, "__module__", "")).startswith(PACKAGE):
        names = send.__code__.co_freevars
        if "self" in names and "h2_conn" not in names:
            connection = send.__closure__[names.index("self")].cell_contents
    return connection if is_instance_from(PACKAGE, connection) else None
