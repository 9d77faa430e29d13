"""What can be known of a server beyond ASGI, found by what its ``send`` is bound to.

ASGI has no word for a client that has stopped reading where ``send`` never waits (daphne), nor for
cutting it off. Where none of these is found - another server, a wrapper around ``send`` - streams
work all the same: what they lose is the bound on such a client, until they are rotated.
"""

from __future__ import annotations

import asyncio
from typing import Any


def consumer(send: Any) -> Any | None:
    """daphne's request, a Twisted IConsumer, which tells its producer when to pause.

    Its ``channel`` is None once the client has left: then it can't be asked anything.
    """
    for bound in getattr(send, "args", ()):
        if hasattr(bound, "registerProducer"):
            return bound
    return None


def unbounded(receive: Any) -> asyncio.Queue[Any] | None:
    """daphne's queue of what a client has sent: it reads on, however little of it is taken.

    Other servers stop reading by themselves.
    """
    queue = getattr(receive, "__self__", None)
    return queue if isinstance(queue, asyncio.Queue) and queue.maxsize <= 0 else None


def abort(send: Any) -> None:
    """Drop the connection at once, with what it still has to send: nobody reads it."""
    request = consumer(send)
    owner = request if request is not None else getattr(send, "__self__", None)
    transport = getattr(owner, "transport", None)
    for name in ("abort", "abortConnection"):  # asyncio's and Twisted's
        cut = getattr(transport, name, None)
        if callable(cut):
            cut()
            return
