"""The servers: one module for each, with all that is known of its inside.

The whole can be switched off (``TOASTS_SERVER_INTERNALS = False``). Then nothing but ASGI is used.
"""

from __future__ import annotations

from ..types import Send
from .base import ServerAdapter
from .daphne import DaphneAdapter
from .gunicorn import GunicornAdapter
from .hypercorn import HypercornAdapter
from .uvicorn import UvicornAdapter

PLAIN = ServerAdapter()
_KNOWN = (DaphneAdapter(), GunicornAdapter(), HypercornAdapter(), UvicornAdapter())


def server_of(send: Send, internals: bool = True) -> ServerAdapter:
    """Return the adapter for the server whose ``send`` this is.

    Args:
        send: the server's, or a wrapper that was passed to `ServerAdapter.expose`.
        internals: False: use nothing but ASGI.
    """
    if internals:
        for adapter in _KNOWN:
            if adapter.recognises(send):
                return adapter
    return PLAIN
